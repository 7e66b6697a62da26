"""How much memory there is for this process."""

from pathlib import Path

import psutil

# What a container may use and what it uses: cgroup 2, then cgroup 1, as seen from inside.
CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
     Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)  # fmt: skip


def free_memory() -> int:
    """Bytes that can be allocated without swapping, in this container if there is one."""
    free = int(psutil.virtual_memory().available)
    for limit, usage in (*_own_cgroup(), *CGROUPS):
        try:
            free = min(free, int(limit.read_text()) - _used(usage))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return max(0, free)


def _own_cgroup() -> list[tuple[Path, Path]]:
    """The limits of the group that this process was put into, and of those around it."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line.partition("::")[2] for line in lines if line.startswith("0::")), "/")
    folder = Path("/sys/fs/cgroup") / own.lstrip("/")
    folders = [folder, *folder.parents]
    inside = [one for one in folders if one.is_relative_to("/sys/fs/cgroup")]
    return [(one / "memory.max", one / "memory.current") for one in inside]


def _used(usage: Path) -> int:
    """Bytes in use, without the files that the kernel caches and would drop."""
    used = int(usage.read_text())
    try:
        lines = (usage.parent / "memory.stat").read_text().splitlines()
        stat = dict(line.split() for line in lines)
        return used - int(stat.get("inactive_file", 0)) - int(stat.get("active_file", 0))
    except (OSError, ValueError):
        return used
