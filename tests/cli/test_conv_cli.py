"""`canon conv`."""

import json

import numpy as np
import pytest
from PIL import Image

from canon.cli import main
from tests.helpers.commands import refused


def test_the_arithmetic_of_a_convolution(printed, tmp_path):
    text = printed("conv", "--input", "32x32x3", "--filter", "5", "--filters", "5", "--stride", "3",
                   "--svg", tmp_path / "windows.svg")  # fmt: skip
    assert "(32 - 5 + 2 x 0)/3 + 1 = 10" in text
    assert "10 x 10 x 5" in text
    assert "37,500" in text
    assert (tmp_path / "windows.svg").read_text().startswith("<svg")


def test_a_fraction_is_status_1(capsys):
    assert main(["conv", "--input", "7x7", "--stride", "3"]) == 1
    text = capsys.readouterr().out
    assert "= 2.33" in text
    assert "legal strides: 1, 2" in text
    assert "never seen: 1 row at the bottom, 1 column at the right" in text
    assert main(["conv", "--input", "7x7", "--stride", "3", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert (record["output"], record["legal"]) == ([2, 2, 1], False)


def test_a_worked_example(printed):
    text = printed("conv", "--kernel", "sharpen", "--on", "1 2 1; 2 3 1; 1 1 1")
    assert text.startswith("output 0,0: 1 x 0 + 2 x -1 + 1 x 0 + 2 x -1 + 3 x 5 + ")
    assert text.endswith("= 9\n\n9\n")
    text = printed("conv", "--kernel", "identity", "--on", "1 2; 3 4", "--padding", "same")
    assert text.endswith("1  2\n3  4\n")


def test_a_kernel_on_an_image(printed, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    out = tmp_path / "b.png"
    printed("conv", "--kernel", "identity", "--on", tmp_path / "a.png", "--out", out)
    np.testing.assert_array_equal(np.asarray(Image.open(out)), pixels)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ([], "--input is missing"),
        (["--input", "ten"], "--input is 'ten'"),
        (["--input", "9x9", "--padding", "much"], "--padding is 'much'"),
        (["--kernel", "sharpen"], "--kernel needs --on"),
        (["--kernel", "sharpn", "--on", "1"], "Did you mean 'sharpen'?"),
        (["--kernel", "1 2; 3", "--on", "1"], "rows of 2, 1 numbers"),
        (["--kernel", "1", "--on", "1 x"], "--on has 'x', which is no number"),
        (["--kernel", "1", "--on", "1 2", "--at", "3,0"], "there is no output 3,0"),
        (["--kernel", "1", "--on", "1 2", "--at", "3"], "--at is '3'"),
        (["--kernel", "sharpen", "--on", "1 2"], "does not fit"),
    ],
)
def test_mistakes(flags, text, capsys):
    assert text in refused(capsys, "conv", *flags)
