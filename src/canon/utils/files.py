"""Atomic writes that reach the disk, the cache folder, locks, and fingerprints of files."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs


def cache_dir(*parts: str) -> Path:
    """A folder in the cache, created if missing: $CANON_CACHE, or the platform's user cache."""
    folder = Path(_cache(), *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _cache() -> str:
    return os.environ.get("CANON_CACHE") or platformdirs.user_cache_dir("canon")


def in_cache(path: str | Path) -> bool:
    """Whether a path is in the cache folder."""
    return Path(path).absolute().is_relative_to(Path(_cache()).absolute())


def data_dir() -> Path | None:
    """The folder of local datasets and weights, $CANON_DATA; None if it is not set."""
    folder = os.environ.get("CANON_DATA")
    return Path(folder) if folder else None


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path, renamed to `path` when the context ends without an error.

    Readers see the old file or the new one, and so does who looks after a power cut. After a
    failure the old file is unchanged.

    Raises:
        OSError: the file cannot be written; with ENOSPC if the disk is full.
    """
    # Not named by the process: two containers number theirs alike.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with full_disk_named(path):
            yield temporary
            set_usual_rights(temporary)
            fsync(temporary)
            temporary.replace(path)
            fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path for a file or a folder, renamed to `path` at the end.

    Raises:
        OSError: it cannot be written; with ENOSPC if the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        temporary, old = Path(folder) / path.name, Path(folder) / "old"
        with full_disk_named(path):
            yield temporary
            for file in temporary.rglob("*") if temporary.is_dir() else [temporary]:
                if file.is_file():
                    fsync(file)
            if path.is_dir():  # a folder cannot be replaced by renaming another
                path.rename(old)
            temporary.replace(path)
            fsync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Args:
        path: of the file; an older one is replaced.
        text: what it holds, in UTF-8.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Turn the errors that libraries raise on a full disk into an OSError that names the path."""
    try:
        yield
    except Exception as reason:
        text = str(reason)
        full = isinstance(reason, OSError) and reason.errno == errno.ENOSPC
        # safetensors', and that of torch's writer of zip files
        if full or "No space left" in text or "inline_container" in text:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


RIGHTS = 0o666 & ~_umask()  # read once: another thread may create a file just then


def set_usual_rights(path: Path) -> None:
    """Give a file the rights of a new one, which safetensors and tempfile do not."""
    with suppress(PermissionError):  # file systems without rights
        path.chmod(RIGHTS)


def fingerprint(file: Path) -> str:
    """Size and times of a file as text; it changes with the file.

    The time of its last change cannot be set: archives give a new file an old date.
    """
    try:
        status = file.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def sha256(file: Path) -> str:
    """SHA-256 of the content of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    folder = path.is_dir()
    if folder and os.name == "nt":  # Windows cannot open folders
        return
    try:
        handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as reason:  # some network file systems cannot flush folders
        if not folder or reason.errno in (errno.ENOSPC, errno.EIO):
            raise


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file; none if it cannot be opened, which its reader reports."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""
