"""What the tests of commands share."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canon.cli import main


@pytest.fixture
def spoil():
    """A function that adds an unreadable file to a folder: truncated, text, or empty."""

    def add(folder: Path, kind: str) -> Path:
        path = folder / "99.png"
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        if kind == "truncated":
            whole = io.BytesIO()
            Image.fromarray(noise).save(whole, "JPEG")
            path = path.with_suffix(".jpg")
            path.write_bytes(whole.getvalue()[:700])
        else:
            path.write_bytes({"text": b"hello", "empty": b""}[kind])
        return path

    return add


@pytest.fixture
def printed(capsys):
    """A function that calls a command, which succeeds, and returns what it prints."""

    def call(*argv) -> str:
        capsys.readouterr()
        assert main([str(word) for word in argv]) == 0
        return capsys.readouterr().out

    return call
