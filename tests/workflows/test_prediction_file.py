"""Predictions as files: every format, after interruptions, of files that cannot be read."""

import csv
import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

import canon
from canon.cli import main
from canon.errors import InputError
from canon.tasks.classification.predict import LabelPrediction, columns
from canon.workflows.prediction_file import PredictionFile
from tests.helpers.commands import CANON


def prediction(i, fault=()):
    if fault:
        return LabelPrediction(f"{i}.png", faults=fault)
    return LabelPrediction(f"{i}.png", ("a", "b"), (0.75, 0.25))


def filled(target, count, first=0, key="weights"):
    file = PredictionFile(target, columns(2), key)
    for i in range(first, count):
        if f"{i}.png" not in file.done:
            file.add(prediction(i, ("it is empty",) if i == 3 else ()))
    file.flush()
    return file


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".parquet"])
def test_every_format_holds_every_prediction(tmp_path, suffix):
    target = tmp_path / f"p{suffix}"
    assert filled(target, 5).finish() == ["3.png"]
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    if suffix == ".csv":
        rows = list(csv.DictReader(target.read_text().splitlines()))
        assert [row["file"] for row in rows] == [f"{i}.png" for i in range(5)]
        assert (rows[0]["class1"], rows[0]["probability2"]) == ("a", "0.25")
        assert "it is empty" in rows[3]["class1"]
    elif suffix == ".parquet":
        from pyarrow import parquet

        rows = parquet.read_table(target).to_pylist()
        assert rows[0] == {"file": "0.png", "class1": "a", "probability1": 0.75,
                           "class2": "b", "probability2": 0.25, "fault": None}  # fmt: skip
        assert (rows[3]["class1"], rows[3]["fault"]) == (None, "it is empty")
    else:
        text = target.read_text()
        rows = json.loads(text) if suffix == ".json" else [*map(json.loads, text.splitlines())]
        assert rows[1]["classes"][0] == {"class": "a", "probability": 0.75}
        assert rows[3] == {"file": "3.png", "fault": "it is empty"}


def test_an_interrupted_table_continues_and_a_cut_line_is_made_again(tmp_path):
    target = tmp_path / "p.jsonl"
    first = filled(target, 3)
    with first.partial.open("a") as file:
        file.write('{"file": "3.png", "row"')  # a power cut
    second = PredictionFile(target, columns(2), "weights")
    assert second.done == {"0.png", "1.png", "2.png"}
    filled(target, 5).finish()
    assert [json.loads(line)["file"] for line in target.read_text().splitlines()] == [
        f"{i}.png" for i in range(5)
    ]


def test_what_other_weights_predicted_is_not_continued(tmp_path):
    filled(tmp_path / "p.csv", 3)
    other = PredictionFile(tmp_path / "p.csv", columns(2), "other weights")
    assert other.done == set()


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected \.csv, \.json, \.jsonl, \.parquet"):
        PredictionFile(tmp_path / "p.xls", columns(1), "")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Four hundred pictures of noise."""
    folder = tmp_path_factory.mktemp("many")
    random = np.random.default_rng(0)
    for i in range(400):
        pixels = random.integers(0, 256, (300, 300), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03d}.png", compress_level=1)
    return folder


@pytest.mark.slow
def test_a_killed_prediction_continues_when_it_is_repeated(digits_run, many, tmp_path, capsys):
    target, partial = tmp_path / "p.csv", tmp_path / ".p.csv.partial"
    argv = ["predict", str(digits_run.path), str(many), "--out", str(target), "--batch", "8"]
    process = subprocess.Popen([*CANON, *argv], env=os.environ | {"OMP_NUM_THREADS": "1"})
    while not partial.exists() or len(partial.read_bytes().splitlines()) < 60:
        assert process.poll() is None, "it was faster than the test"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    assert main(argv) == 0
    assert "predicted before the interruption" in capsys.readouterr().err
    rows = list(csv.DictReader(target.read_text().splitlines()))
    expected = [*canon.predict(digits_run, many, device="cpu")]
    assert [row["file"] for row in rows] == [str(one.path) for one in expected]
    assert [row["class"] for row in rows] == [one.classes[0] for one in expected]


def test_files_that_cannot_be_read_are_listed_at_the_end(digits_run, tmp_path, capsys):
    folder, out = tmp_path / "images", tmp_path / "p.jsonl"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.png").write_bytes(b"no image")
    Image.new("L", (8, 8)).save(folder / "d.png")
    argv = ["predict", digits_run.path, folder, "--skip-bad", "--out", out]
    assert main([*map(str, argv)]) == 1
    end = capsys.readouterr().err.splitlines()[-4:]
    assert end == ["3 files left out:", *(f"  {folder / name}.png" for name in "abc")]
    assert len(out.read_text().splitlines()) == 4
