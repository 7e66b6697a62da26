"""Download a file once and verify its checksum."""

import gzip
import hashlib
import urllib.error
import urllib.request
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import Protocol

from canon.errors import DataError
from canon.utils.files import atomic_write

ELSEWHERE = "Try again, or put the file into the folder $CANON_DATA names."


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, and the sums by which it was published.

    MD5, of the file and of what it unpacks to, is what old sets of images were published with; it
    guards against damage, not against malice. Weights come with the first digits of their SHA-256.
    """

    file: str
    md5: str | None = None
    content_md5: str | None = None
    sha256: str | None = None


def matches_checksum(path: Path, remote: RemoteFile) -> bool:
    """Whether a file is the published one, or a gzip of the same content."""
    if digest(path, remote).startswith(_expected(remote)):
        return True
    if remote.content_md5 is None or path.suffix != ".gz":
        return False
    try:
        return _md5(gzip.GzipFile(path)) == remote.content_md5
    except (OSError, EOFError, zlib.error):
        return False


def fetch(url: str, path: Path, remote: RemoteFile, timeout: float = 30) -> Path:
    """Bring a published file to `path`, unless it is there already.

    Args:
        url: where to fetch it from.
        path: where to keep it; written aside and renamed once it is verified.
        remote: what it must be.
        timeout: seconds without an answer after which to give up.

    Raises:
        DataError: the address cannot be reached, or what came is not the published file.
    """
    if path.is_file() and matches_checksum(path, remote):
        return path
    with atomic_write(path) as aside:
        named = aside.with_name(f"{aside.name}{path.suffix}")
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer, named.open("wb") as file:
                copyfileobj(answer, file)
            if not matches_checksum(named, remote):
                raise DataError(
                    f"{url} is not the published file: its {_kind(remote)} is "
                    f"{digest(named, remote)}, expected {_expected(remote)}. {ELSEWHERE}"
                )
            named.replace(aside)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as reason:
            raise DataError(
                f"{url} cannot be fetched: {reason}; expected {path.name}. {ELSEWHERE}"
            ) from None
        finally:
            named.unlink(missing_ok=True)
    return path


def _kind(remote: RemoteFile) -> str:
    return "SHA-256" if remote.sha256 else "MD5"


def _expected(remote: RemoteFile) -> str:
    return remote.sha256 or remote.md5 or ""


def digest(path: Path, remote: RemoteFile) -> str:
    """The sum of a file, of the kind by which it was published."""
    if remote.sha256 is None:
        return _md5(path.open("rb"))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Stream(Protocol):
    def read(self, size: int) -> bytes: ...
    def close(self) -> None: ...


def _md5(stream: _Stream) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with closing(stream):
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
