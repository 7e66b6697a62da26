"""`canon predict` with a classifier."""

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canon.cli import main
from tests.helpers.commands import refused


@pytest.fixture
def argv(digits_run, tmp_path):
    """The command for three images of the digit 1."""
    digit = np.zeros((8, 8), np.uint8)
    digit[1:7, 3:5] = 255
    (tmp_path / "images").mkdir()
    for i in range(3):
        Image.fromarray(digit).save(tmp_path / "images" / f"{i}.png")
    return ["predict", str(digits_run.path), str(tmp_path / "images"), "--device", "cpu"]


def test_predict_writes_csv_and_json(argv, tmp_path, printed):
    table, record = tmp_path / "predictions.csv", tmp_path / "predictions.json"
    assert printed(*argv, "--top", "3", "--out", table) == ""
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [Path(row["file"]).name for row in rows] == ["0.png", "1.png", "2.png"]
    assert float(rows[0]["probability1"]) > float(rows[0]["probability3"])
    assert printed(*argv, "--out", record) == ""
    predictions = json.loads(record.read_text())
    assert predictions[0]["classes"][0]["class"] == rows[0]["class1"]
    assert "%" in printed(*argv)


def test_one_class_is_printed_if_no_number_is_given(argv, printed):
    head, *rows = csv.reader(io.StringIO(printed(*argv, "--csv")))
    assert head[0] == "file"
    assert len(head) == 3
    assert len(rows) == 3


def test_predict_skips_a_bad_file_if_it_may_and_reports_it(digits_run, tmp_path, capsys):
    (tmp_path / "bad.png").write_text("x")
    Image.new("L", (8, 8)).save(tmp_path / "good.png")
    argv = ["predict", digits_run.path, tmp_path, "--device", "cpu"]
    assert "bad.png is not a readable image" in refused(capsys, *argv)
    assert main([*map(str, argv), "--skip-bad", "--csv"]) == 1
    output = capsys.readouterr()
    assert "unreadable" in output.out
    assert "left out: " in output.err
    line = refused(capsys, *argv, "--out", tmp_path / "a.txt")
    assert "a.txt; expected .csv, .json, .jsonl, .parquet. Rename it." in line


def test_names_with_brackets_are_printed_as_they_are(pictures_run, tmp_path, printed):
    picture = pictures_run.path.parent / "pictures" / "dark" / "00.png"
    shutil.copy(picture, tmp_path / "img[final].png")
    (tmp_path / "img[").mkdir()
    shutil.copy(picture, tmp_path / "img[" / "x].png")
    text = printed("predict", pictures_run.path, tmp_path, "--device", "cpu")
    assert "img[final].png" in text
    assert "img[/x].png" in text


def test_heat_maps_are_written_for_predicted_images(argv, tmp_path, capsys):
    Path(argv[2], "torn.png").write_bytes(b"torn")
    assert main([*argv, "--explain", str(tmp_path / "heat"), "--skip-bad", "--csv"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 5
    drawn = sorted((tmp_path / "heat").iterdir())
    assert [path.name for path in drawn] == ["0.png", "1.png", "2.png"]
    colors = np.asarray(Image.open(drawn[0]).convert("RGB")).astype(int)
    assert (np.ptp(colors, axis=2) > 100).mean() > 0.01  # orange


def test_masks_have_no_heat_maps(capsys, shapes_run, tmp_path):
    flags = ("--explain", str(tmp_path / "heat"))
    message = refused(capsys, "predict", shapes_run.path, tmp_path, *flags)
    assert "--explain is for classification and clustering" in message
