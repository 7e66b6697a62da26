"""The data of a run: where it is, whether it changed, and other data in its place."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import canon
from canon.data import open_data
from canon.errors import DataError
from tests.helpers.synthetic import draw, make_folder

CPU = {"device": "cpu"}


@pytest.fixture
def place(pictures_run, tmp_path):
    """A copy of the run on pictures and of its data, to be changed."""
    base = pictures_run.path.parent
    copy = Path(shutil.copytree(base, tmp_path / "place"))
    text = (copy / "run" / "run.json").read_text().replace(str(base), str(copy))
    (copy / "run" / "run.json").write_text(text)
    return copy


def test_a_run_on_a_relative_folder_is_evaluated_from_anywhere(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    split, metrics = canon.evaluate(canon.load_run(place / "run"), **CPU)
    assert (split, metrics.count) == ("val", 4)
    monkeypatch.chdir(place)
    assert canon.evaluate(canon.load_run("run"), "pictures", **CPU)[0] == "val"


@pytest.mark.parametrize("change", ["more", "fewer", "class", "renamed"])
def test_data_that_changed_is_refused(place, change):
    pictures = place / "pictures"
    if change == "more":
        draw(999, False).save(pictures / "dark" / "99.png")
    elif change == "fewer":
        (pictures / "dark" / "00.png").unlink()
    elif change == "class":
        shutil.copytree(pictures / "dark", pictures / "also")
    else:
        (pictures / "dark").rename(pictures / "dusk")
    with pytest.raises(DataError, match=r"has changed: .* expected 20 train, 4 val of 2"):
        canon.evaluate(canon.load_run(place / "run"), **CPU)


def test_a_test_split_may_be_added_later(tmp_path):
    """To evaluate on; a run that is resumed has the splits that it began with."""
    folder = make_folder(tmp_path / "p" / "train", 8).parent
    config = canon.TrainConfig("resnet20", folder, epochs=1, batch=8, out=tmp_path / "r", **CPU)
    run = canon.train(config)
    make_folder(folder / "test", 3)
    split, metrics = canon.evaluate(run, split="test", **CPU)
    assert (split, metrics.count) == ("test", 6)
    with pytest.raises(DataError, match="has changed"):
        canon.train(replace(config, resume=True, epochs=2))


def test_classes_of_other_data_are_matched_by_name(pictures_run, tmp_path):
    run = pictures_run
    swapped = make_folder(tmp_path / "more", 4, classes=("light", "dark"))
    split, metrics = canon.evaluate(run, str(swapped), device="cpu")
    assert (split, metrics.count) == ("all images", 8)
    stranger = make_folder(tmp_path / "stranger", 2, classes=("dark", "zebra"))
    with pytest.raises(
        DataError, match=r"classes that .* does not know: zebra; expected dark, light"
    ):
        canon.evaluate(run, str(stranger), device="cpu")


def test_split_folders_of_other_names_are_found(tmp_path):
    make_folder(tmp_path / "a" / "Training", 3)
    make_folder(tmp_path / "a" / "Testing", 3)
    make_folder(tmp_path / "a" / "extra", 3)
    data = open_data(tmp_path / "a")
    assert set(data.splits) == {"train", "test"}
    assert [f.name for f in data.ignored] == ["extra"]
    make_folder(tmp_path / "b" / "val", 3)
    make_folder(tmp_path / "b" / "test", 3)
    with pytest.raises(DataError, match="has test and val but no train"):
        open_data(tmp_path / "b")
    make_folder(tmp_path / "c" / "train", 3)
    make_folder(tmp_path / "c" / "val", 3)
    make_folder(tmp_path / "c" / "valid", 3)
    with pytest.raises(DataError, match="has val and valid; expected one folder"):
        open_data(tmp_path / "c")


def test_a_repaired_file_is_read_again(pictures):
    bad = pictures / "dark" / "03.png"
    good = bad.read_bytes()
    mark = bad.stat()
    bad.write_bytes(b"x" * len(good))
    data = open_data(pictures)
    assert len(canon.check_data(data).faults) == 1
    bad.write_bytes(good)
    os.utime(bad, ns=(mark.st_atime_ns, mark.st_mtime_ns))
    assert canon.check_data(data).sound
