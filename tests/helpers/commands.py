"""Calling the command line from tests."""

import sys

from canon.cli import main

CANON = [sys.executable, "-m", "canon"]
TRAIN = ["train", "unet-same", "--width", "4", "--depth", "2", "--image", "64", "--batch", "4",
         "--epochs", "1", "--device", "cpu"]  # fmt: skip


def refused(capsys, *argv):
    """The one line on stderr for a mistake."""
    assert main([str(word) for word in argv]) == 2
    output = capsys.readouterr()
    lines = output.err.strip().splitlines()
    assert len(lines) == 1, output.err
    assert lines[0].startswith("canon: ")
    assert "Traceback" not in output.err
    return lines[0]
