"""Atomic writes, the cache folder, and fingerprints of files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def cache_dir(*parts: str) -> Path:
    """A folder in the cache, created if missing: $CANON_CACHE, or the platform's user cache."""
    base = os.environ.get("CANON_CACHE") or platformdirs.user_cache_dir("canon")
    folder = Path(base, *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def data_dir() -> Path | None:
    """The folder of local datasets and weights, $CANON_DATA; None if it is not set."""
    folder = os.environ.get("CANON_DATA")
    return Path(folder) if folder else None


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path, renamed to `path` when the context ends without an error.

    Readers see the old file or the new one. After a failure the old file is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def fingerprint(file: Path) -> str:
    """Size and modification time of a file as text; it changes with the file."""
    try:
        status = file.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def fsync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    folder = path.is_dir()
    if folder and os.name == "nt":  # Windows cannot open folders
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
