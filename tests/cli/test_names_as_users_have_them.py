"""Names of files and classes that are no UTF-8, are formulas, or that a console cannot show."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import canon
from canon.cli import main
from tests.helpers.image_files import photos

QUICK = ("--epochs", "1", "--image", "32", "--device", "cpu")


@pytest.mark.filterwarnings("error")
def test_names_in_no_encoding_are_trained_on_and_predicted(tmp_path, capsys):
    data = photos(tmp_path / "p", {".": {"a": 4, "b": 4}})
    strange = os.fsdecode(b"caf\xe9.png")  # Latin-1
    (data / "a" / "0.png").rename(data / "a" / strange)
    (data / "b").rename(data / os.fsdecode(b"b\xff"))
    assert main(["train", "resnet20", str(data), *QUICK, "--out", str(tmp_path / "r")]) == 0
    out = tmp_path / "p.csv"
    assert main(["predict", str(tmp_path / "r"), str(data), "--out", str(out)]) == 0
    with out.open(errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {Path(row["file"]).name for row in rows} >= {strange}
    assert "Error" not in capsys.readouterr().err


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("names", [("$5", "$x^2$"), ("a_{b", "\\alpha"), ("<b>", "a&b;")])
def test_class_names_are_shown_as_they_are(tmp_path, names):
    data = photos(tmp_path / "p", {".": dict.fromkeys(names, 4)})
    run = canon.train("resnet20", data, epochs=1, image=32, device="cpu", out=tmp_path / "r")
    assert set(run.classes) == set(names)
    report = (run.path / "report.html").read_text()
    escaped = [
        name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for name in names
    ]
    assert all(name in report for name in escaped)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "shift_jis"])
def test_a_console_of_another_encoding_gets_what_it_can_show(tmp_path, encoding):
    data = photos(tmp_path / "p", {".": {"Käfer": 2, "猫": 2}})
    done = subprocess.run(
        [sys.executable, "-m", "canon", "check", str(data)],
        env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"no problems found" in done.stdout
