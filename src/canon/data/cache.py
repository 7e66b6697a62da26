"""The user's cache: where downloads, packs and verdicts on files are kept."""

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
def written_aside(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when all of it is there.

    Whoever reads sees the old file or the new one; a failure leaves the old one and no other.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
