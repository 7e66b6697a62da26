"""One training at a time in a run folder."""

from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from canon.errors import RunError

LOCK = ".lock"


def lock_run(folder: Path) -> BaseFileLock:
    """Lock a run folder until the process ends, however it ends, or the lock is released.

    Raises:
        RunError: another training runs in it.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{folder} is in use: another training runs in it; expected a free run folder. Wait "
            "until it ends, or pass another --out."
        ) from None
    return lock
