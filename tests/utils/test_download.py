"""Downloads, against a server on this machine."""

import gzip
import hashlib
import http.server
import threading

import pytest

from canon.errors import DataError
from canon.utils.download import RemoteFile, fetch, matches_checksum

CONTENT = b"what was published " * 1000


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            asked.append(args)

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()
    listening.server_close()


def remote(name="set.bin"):
    return RemoteFile(name, hashlib.md5(CONTENT).hexdigest())


def test_a_file_is_fetched_once(server, tmp_path):
    folder, address, asked = server
    (folder / "set.bin").write_bytes(CONTENT)
    for _ in range(2):
        path = fetch(f"{address}/set.bin", tmp_path / "set.bin", remote())
    assert path.read_bytes() == CONTENT
    assert len(asked) == 1


def test_a_file_of_another_checksum_is_refused_and_deleted(server, tmp_path):
    folder, address, _ = server
    (folder / "set.bin").write_bytes(CONTENT[:-1])
    target = tmp_path / "cache"
    target.mkdir()
    with pytest.raises(
        DataError,
        match=r"is not the published file: its MD5 is \w{32}, expected \w{32}\. Try again",
    ):
        fetch(f"{address}/set.bin", target / "set.bin", remote())
    assert list(target.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_fetched_anew(server, tmp_path):
    folder, address, _ = server
    (folder / "set.bin").write_bytes(CONTENT)
    (tmp_path / "set.bin").write_bytes(b"half of it")
    assert fetch(f"{address}/set.bin", tmp_path / "set.bin", remote()).read_bytes() == CONTENT


def test_a_missing_file_or_server_is_named_with_the_reason(server, tmp_path):
    _, address, _ = server
    with pytest.raises(DataError, match=r"cannot be downloaded: HTTP Error 404.*expected set\.bin"):
        fetch(f"{address}/set.bin", tmp_path / "set.bin", remote())
    with pytest.raises(DataError, match=r"cannot be downloaded: .*refused.*\$CANON_DATA"):
        fetch("http://127.0.0.1:9/set.bin", tmp_path / "set.bin", remote())


def test_a_gzip_of_the_published_content_counts_as_published(tmp_path):
    path = tmp_path / "set.gz"
    path.write_bytes(gzip.compress(CONTENT, mtime=7))
    assert matches_checksum(path, RemoteFile("set.gz", "0" * 32, hashlib.md5(CONTENT).hexdigest()))
    path.write_bytes(path.read_bytes()[:-9])
    assert not matches_checksum(
        path, RemoteFile("set.gz", "0" * 32, hashlib.md5(CONTENT).hexdigest())
    )
