"""Download a file once and verify its checksum."""

import gzip
import hashlib
import os
import socket
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch.hub import download_url_to_file

from canon.errors import DataError
from canon.utils.files import sha256


def advice(path: Path) -> str:
    """What to do where a file cannot be downloaded."""
    folder = path.parent.name
    return f"Try again, or put the file into the folder {folder} in the one that $CANON_DATA names."


@dataclass(frozen=True)
class RemoteFile:
    """A published file and its published checksums.

    Old datasets were published with the MD5 of the file or of its decompressed content. It detects
    damage, not malice. Weights are published with the first digits of their SHA-256.
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
    """Download a published file to `path`, unless it is there already.

    Args:
        url: address of the file.
        path: of the downloaded file; it is written only after verification.
        remote: its checksums.
        timeout: seconds without an answer after which the download fails.

    Raises:
        DataError: the address cannot be reached, or the download is not the published file.
    """
    if path.is_file() and matches_checksum(path, remote):
        return path
    temporary = path.with_name(f".{os.getpid()}-{path.name}")  # with the suffix of the file
    try:
        with _socket_timeout(timeout):
            download_url_to_file(url, str(temporary), progress=False)
        if not matches_checksum(temporary, remote):
            kind = "SHA-256" if remote.sha256 else "MD5"
            raise DataError(
                f"{url} is not the published file: its {kind} is {digest(temporary, remote)}, "
                f"expected {_expected(remote)}. {advice(path)}"
            )
        temporary.replace(path)
    except OSError as reason:  # of urllib, sockets and the disk
        raise DataError(
            f"{url} cannot be downloaded: {reason}; expected {path.name}. {advice(path)}"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """The timeout of new connections, which torch.hub does not set."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _expected(remote: RemoteFile) -> str:
    return remote.sha256 or remote.md5 or ""


def digest(path: Path, remote: RemoteFile) -> str:
    """The checksum of a file, of the published kind."""
    if remote.sha256 is None:
        return _md5(path.open("rb"))
    return sha256(path)


class _Stream(Protocol):
    def read(self, size: int) -> bytes: ...
    def close(self) -> None: ...


def _md5(stream: _Stream) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with closing(stream):
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
