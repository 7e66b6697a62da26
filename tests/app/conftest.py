"""A page that is served, and requests to it."""

import http.client
import threading
import urllib.parse
import uuid
from contextlib import closing

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")

from canon.app import server


class Page:
    """A served page, and how a test asks it."""

    def __init__(self, run):
        self.token = server.new_token()
        self.sock = server.listen("127.0.0.1", 0)
        self.port = self.sock.getsockname()[1]
        self.address = server.address(self.sock, self.token)
        app = server.application(run, self.token)
        threading.Thread(target=server.serve, args=(app, self.sock), daemon=True).start()

    def request(self, method, path, body=None, headers=None, token=True):
        """Status, headers and text of a response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        cookie = {"Cookie": f"canon-token-{self.port}={self.token}"} if token else {}
        with closing(connection):
            connection.request(method, path, body, cookie | (headers or {}),
                               encode_chunked=not isinstance(body, bytes | None))  # fmt: skip
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()

    def get(self, path, **query):
        """The status and the text of a page."""
        status, _, text = self.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
        return status, text

    def post(self, path, file=None, **fields):
        """The status and the text of the answer to a form; `file` is a name and bytes."""
        mark = uuid.uuid4().hex
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        ]
        if file is not None:
            head = f'name="file"; filename="{file[0]}"'
            parts.append(f"--{mark}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
                         + file[1] + b"\r\n")  # fmt: skip
        body = b"".join(parts) + f"--{mark}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        status, _, text = self.request("POST", path, body, kind)
        return status, text


@pytest.fixture(scope="session")
def page(digits_run):
    """The page of a run on the built-in digits."""
    return Page(digits_run)
