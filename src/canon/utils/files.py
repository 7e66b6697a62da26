"""Atomic writes, the cache folder, and fingerprints of files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir(*parts: str) -> Path:
    """A folder in the user's cache, made if missing: $CANON_CACHE, or the platform's own."""
    base = os.environ.get("CANON_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) if base else Path(home) / "canon"
    folder = folder.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def data_dir() -> Path | None:
    """The folder that $CANON_DATA names, looked in before anything is fetched."""
    named = os.environ.get("CANON_DATA")
    return Path(named) if named else None


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when all of it is there.

    Whoever reads sees the old file or the new one; a failure leaves the old one and no other.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def fingerprint(file: Path) -> str:
    """What changes when a file does: its size and the time it was written."""
    try:
        status = file.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def fsync(path: Path) -> None:
    """Wait until the disk has what was written to a file, or the names in a folder."""
    folder = path.is_dir()
    if folder and os.name == "nt":  # which opens no folders
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
