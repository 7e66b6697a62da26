"""Who may use the page, and how much may be sent."""

import re

import pytest

from canon.app import access, server
from canon.cli import main
from canon.errors import InputError
from tests.helpers.commands import refused


def test_nothing_is_answered_without_the_token(page):
    for path in ("/", "/image", "/static/app.js", "/drawing.svg?model=lenet5"):
        status, _, text = page.request("GET", path, token=False)
        assert status == 403
        assert "token is missing or wrong" in text
    assert page.request("POST", "/image/explain", b"", token=False)[0] == 403
    assert page.request("GET", "/?token=wrong", token=False)[0] == 403


def test_other_cookies_of_this_machine_do_not_lock_out(page):
    own = f"canon-token-{page.port}={page.token}"
    for other in ('x={"a": 1, "b"}', "flag", "canon-token-1=other"):
        cookies = {"Cookie": f"{other}; {own}"}
        assert page.request("GET", "/", headers=cookies, token=False)[0] == 200


def test_refusals_have_the_headers_too(page):
    _, headers, _ = page.request("GET", "/", token=False)
    assert "default-src 'self'" in headers["content-security-policy"]


def test_the_address_sets_a_cookie_and_hides_the_token(page):
    status, headers, _ = page.request("GET", f"/?token={page.token}", token=False)
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in headers["set-cookie"]
    assert "samesite=strict" in headers["set-cookie"].lower()


def test_other_names_of_the_host_are_refused(page):
    """Against DNS rebinding: a foreign page whose name points here."""
    assert page.request("GET", "/", headers={"Host": "evil.example"})[0] == 400
    assert page.request("GET", "/", headers={"Host": f"localhost:{page.port}"})[0] == 200


def test_pages_load_nothing_from_elsewhere(page):
    _, headers, text = page.request("GET", "/")
    assert "default-src 'self'" in headers["content-security-policy"]
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", text)


def test_large_files_are_refused(page, monkeypatch):
    monkeypatch.setattr(access, "LIMIT", 1000)
    status, text = page.post("/image/explain", ("a.png", bytes(2000)))
    assert status == 413
    assert "too large" in text
    # Without a declared length the bytes are counted.
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    status, _, _ = page.request(
        "POST", "/image/explain", iter([head] + [bytes(600)] * 4),
        {"Transfer-Encoding": "chunked", "Content-Type": "multipart/form-data; boundary=x"},
    )  # fmt: skip
    assert status == 413


def test_a_port_in_use_is_a_sentence(page, capsys):
    with pytest.raises(InputError, match="cannot be used"):
        server.listen("127.0.0.1", page.port)
    line = refused(capsys, "app", "--port", page.port)
    assert "Pass another --port" in line
    assert "--port is 99999" in refused(capsys, "app", "--port", "99999")


def test_a_missing_extra_is_a_sentence(capsys, monkeypatch):
    import canon.cli.app

    monkeypatch.setattr(canon.cli.app, "find_spec", lambda name: None if name == "uvicorn" else 1)
    assert "pip install 'canon-nets[app]'" in refused(capsys, "app")


def test_a_folder_that_is_no_run_is_a_sentence(capsys, tmp_path):
    assert main(["app", str(tmp_path), "--port", "0"]) == 2
    assert "has no run.json" in capsys.readouterr().err
