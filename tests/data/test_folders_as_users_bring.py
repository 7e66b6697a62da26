"""Folders as people bring them: classes that a split lacks, odd names, files of other kinds."""

import shutil
import unicodedata

import numpy as np
import pytest
from PIL import Image

from canon.data import check_data, open_data
from canon.errors import DataError
from tests.helpers.image_files import photos
from tests.helpers.mask_pairs import save_pair


def test_val_may_lack_a_class_but_not_add_one(tmp_path):
    one = photos(tmp_path / "one", {"train": {"a": 2, "b": 2}, "val": {"a": 1}})
    (one / "val" / "b").mkdir()  # there, and empty
    assert open_data(one).splits["val"].targets.counts().tolist() == [1, 0]
    two = photos(tmp_path / "two", {"train": {"a": 2, "b": 2}, "val": {"c": 1}})
    with pytest.raises(DataError, match="val adds 'c'"):
        open_data(two)


def test_classes_may_be_named_like_splits(tmp_path):
    voc = photos(tmp_path / "voc", {".": {"bus": 2, "train": 2, "tvmonitor": 2}})
    assert open_data(voc).classes == ("bus", "train", "tvmonitor")
    assert open_data(photos(tmp_path / "two", {".": {"bus": 2, "train": 2}})).classes == (
        "bus", "train"
    )  # fmt: skip


@pytest.mark.parametrize("names", [("train", "test"), ("train", "val", "test"), ("train", "test1")])
def test_flat_folders_of_splits_are_not_classes(tmp_path, names):
    data = photos(tmp_path / "flat", {".": dict.fromkeys(names, 2)})
    with pytest.raises(DataError, match="holds 2 images but no class folders"):
        open_data(data)


def test_a_single_class_below_train_is_refused_in_one_line(tmp_path):
    data = photos(tmp_path / "p", {"train": {unicodedata.normalize("NFD", "Käfer"): 2}})
    with pytest.raises(DataError, match="one class only"):
        open_data(data)
    nested = photos(tmp_path / "n", {"photos": {"a": 2, "b": 2}})
    with pytest.raises(DataError, match=r"Did you mean .*photos"):
        open_data(nested)


@pytest.mark.parametrize("names", [("photocopier", "mask", "cat"), ("springtail", "photographer")])
def test_ordinary_class_names_are_no_masks(tmp_path, names):
    assert set(open_data(photos(tmp_path, {".": dict.fromkeys(names, 2)})).classes) == set(names)


def test_unlabelled_test_images_are_left_out_and_counted(tmp_path):
    data = photos(tmp_path / "p", {"train": {"a": 2, "b": 2}})
    (data / "test").mkdir()
    Image.new("L", (9, 9)).save(data / "test" / "1.png")
    (data / "train" / "a" / "IMG.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (data / "train" / "a" / "@eaDir").mkdir()
    Image.new("L", (9, 9)).save(data / "train" / "a" / "@eaDir" / "thumb.jpg")
    report = check_data(open_data(data))
    assert report.left_out == {"in no class": 1, "HEIC": 1}
    assert [*open_data(data).splits] == ["train"]
    assert len(open_data(data).splits["train"]) == 4


def test_linked_folders_are_followed_and_circles_end(tmp_path):
    data = photos(tmp_path / "p", {".": {"a": 2, "b": 2}})
    more = photos(tmp_path / "more", {".": {"x": 3}})
    (data / "a" / "linked").symlink_to(more / "x")
    (data / "b" / "up").symlink_to(data / "b")
    assert open_data(data).splits["train"].targets.counts().tolist() == [5, 2]


def test_names_are_the_same_composed_or_decomposed(tmp_path):
    c, d = (lambda s: unicodedata.normalize("NFC", s)), (lambda s: unicodedata.normalize("NFD", s))
    data = photos(tmp_path / "p", {"train": {c("Käfer"): 2, "b": 2}, "val": {d("Käfer"): 1}})
    assert open_data(data).classes == ("Käfer", "b")
    assert open_data(data).splits["val"].targets.counts().tolist() == [1, 0]
    photos(tmp_path / "both", {".": {c("Käfer"): 2, d("Käfer"): 3, "b": 2}})
    assert open_data(tmp_path / "both").splits["train"].targets.counts().tolist() == [5, 2]
    for kind, form in (("images", c), ("masks", d)):
        (tmp_path / "s" / kind).mkdir(parents=True)
        for i in range(3):
            mask = np.zeros((9, 9), np.uint8)
            mask[i:4] = 255
            Image.fromarray(mask).save(tmp_path / "s" / kind / form(f"é{i}.png"))
    (tmp_path / "s" / "train.txt").write_text(d("é0\né1 # the second\n"))
    (tmp_path / "s" / "val.txt").write_text(c("é2\n"))
    assert open_data(tmp_path / "s").sizes == {"train": 2, "val": 1}


@pytest.mark.parametrize("names", [("Images", "Masks"), ("IMAGES", "masks")])
def test_capitals_do_not_matter_in_images_and_masks(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir()
        mask = np.zeros((9, 9), np.uint8)
        mask[:4] = 255
        Image.fromarray(mask).save(tmp_path / name / "1.png")
    assert open_data(tmp_path).classes == ("0", "255")


@pytest.mark.parametrize(
    "names", [("images", "labels"), ("img", "mask"), ("images", "1st_manual"),
              ("train", "trainannot"), ("JPEGImages", "SegmentationClass"), ("images", "targets")],
)  # fmt: skip
@pytest.mark.parametrize("splits", [(".",), ("train", "val")])
def test_images_and_masks_under_other_names_are_not_taken_for_classes(tmp_path, names, splits):
    photos(tmp_path, {split: dict.fromkeys(names, 2) for split in splits})
    with pytest.raises(DataError, match=r"looks like images and masks|images/|class folders"):
        open_data(tmp_path)


@pytest.mark.parametrize("name", ["@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "__MACOSX"])
def test_folders_of_systems_are_no_classes(tmp_path, name):
    data = photos(tmp_path, {".": {"a": 2, "b": 2, name: 2}})
    assert open_data(data).classes == ("a", "b")


def test_test_images_without_masks_are_left_out_and_counted(tmp_path):
    for split in ("train", "test"):
        save_pair(tmp_path / "a" / split, "1", [[0, 1]])
        save_pair(tmp_path / "b", f"{split}/1", [[0, 1]])
    shutil.rmtree(tmp_path / "a" / "test" / "masks")
    shutil.rmtree(tmp_path / "b" / "masks" / "test")
    for folder in (tmp_path / "a", tmp_path / "b"):
        data = open_data(folder)
        assert data.sizes == {"train": 1}
        assert [file.name for file in data.ignored] == ["1.png"]
