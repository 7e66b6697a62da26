"""How much memory there is for this process."""

from pathlib import Path

import psutil

# What a container may use and what it uses, in cgroup 2 and in cgroup 1.
CGROUP = Path("/sys/fs/cgroup")
V2 = ("memory.max", "memory.current")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
FROM_INSIDE = [(CGROUP / V2[0], CGROUP / V2[1]),
               (CGROUP / "memory" / V1[0], CGROUP / "memory" / V1[1])]  # fmt: skip


def free_memory() -> int:
    """Bytes that can be allocated without swapping, in this container if there is one."""
    free = int(psutil.virtual_memory().available)
    for limit, usage in (*_own_cgroups(), *FROM_INSIDE):
        try:
            free = min(free, int(limit.read_text()) - _used(usage))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return max(0, free)


def _own_cgroups() -> list[tuple[Path, Path]]:
    """The limits of the groups that this process was put into, and of those around them."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:  # "0::/group" of cgroup 2, "4:memory:/group" of cgroup 1
        _, controllers, own = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = CGROUP / "memory" if controllers else CGROUP
        names = V1 if controllers else V2
        folder = root / own.lstrip("/")
        inside = [one for one in (folder, *folder.parents) if one.is_relative_to(root)]
        found += [(one / names[0], one / names[1]) for one in inside]
    return found


def _used(usage: Path) -> int:
    """Bytes in use, without the files that the kernel caches and would drop."""
    used = int(usage.read_text())
    try:
        lines = (usage.parent / "memory.stat").read_text().splitlines()
        stat = dict(line.split() for line in lines)
        return used - int(stat.get("inactive_file", 0)) - int(stat.get("active_file", 0))
    except (OSError, ValueError):
        return used
