"""Which mask belongs to which image, when their files have different names."""

import numpy as np
import pytest

from canon.cli import main
from canon.data import open_data
from canon.errors import DataError
from tests.helpers.mask_pairs import save

MASK = np.array([[0, 1], [1, 0]], np.uint8)


def folders(folder, images, masks):
    """Images and masks of these names; the number of a pair is the grey level of its image."""
    for i, name in enumerate(images):
        save(folder / "images" / name, np.full((2, 2), i, np.uint8))
    for name in masks:
        save(folder / "masks" / name, MASK)
    return folder


def found(folder, split="train"):
    part = open_data(folder).splits[split]
    return [(a.name, b.name) for a, b in zip(part.images.files, part.targets.files, strict=True)]


@pytest.mark.parametrize(("images", "masks"), [
    (("a.png", "b.png"),                     ("a_mask.png", "b_mask.png")),
    (("21_training.png", "22_training.png"), ("21_manual1.png", "22_manual1.png")),    # DRIVE
    (("0001TP_006.png", "Seq05_001.png"),    ("0001TP_006_L.png", "Seq05_001_L.png")), # CamVid
    (("img1.png", "img2.png", "img11.png"),  ("gt1.png", "gt2.png", "gt11.png")),
    (("img-01.png", "img-02.png"),           ("01.seg.png", "02.seg.png")),
    (("x_1.png", "x_2.png"),                 ("mask_x_1.png", "mask_x_2.png")),
])  # fmt: skip
def test_names_pair_without_what_all_of_a_kind_begin_or_end_with(tmp_path, images, masks):
    expected = sorted(zip(images, masks, strict=True))
    assert sorted(found(folders(tmp_path, images, masks))) == expected


@pytest.mark.parametrize(("images", "masks"), [
    (("1.png", "2.png"),                   ("11.png", "12.png")),   # numbers are not cut
    (("cat.png", "dog.png"),               ("bobcat.png", "bobdog.png")),
    (("a.png", "b.png"),                   ("a_mask.png", "c_mask.png")),
    (("a.png", "b.png", "c.png"),          ("a_mask.png", "b_mask.png")),
    (("a.png",),                           ("a_mask.png", "b_mask.png")),
    (("p1_s0.png", "p1_s1.png"),           ("p2_s0.png", "p2_s1.png")),   # of another patient
    (("train_1.png", "train_2.png"),       ("test_1.png", "test_2.png")),
    (("2_1.png", "3_1.png"),               ("1_2.png", "1_3.png")),
    (("val_1.png",),                       ("train_1.png",)),
    (("p1_s0.png",),                       ("p2_s0.png",)),
    (("cat.png",),                         ("dog.png",)),
])  # fmt: skip
def test_names_that_do_not_pair_as_a_whole_are_refused(tmp_path, images, masks):
    with pytest.raises(DataError, match=r"without an? (mask|image).*a_mask\.png"):
        open_data(folders(tmp_path, images, masks))


def test_equal_names_are_pairs_whatever_else_they_share(tmp_path):
    names = ("p_1_q.png", "p_2_q.png")
    data = open_data(folders(tmp_path, names, names))
    assert data.notes == ()
    assert data.sizes == {"train": 2}


def test_each_split_has_its_own_beginnings_and_ends(tmp_path):
    folders(tmp_path / "training", ("21_training.png", "22_training.png"),
            ("21_manual1.png", "22_manual1.png"))  # fmt: skip
    folders(tmp_path / "test", ("01_test.png", "02_test.png"),
            ("01_manual1.png", "02_manual1.png"))  # fmt: skip
    assert found(tmp_path)[0] == ("21_training.png", "21_manual1.png")
    assert found(tmp_path, "test")[1] == ("02_test.png", "02_manual1.png")


def test_a_lone_pair_of_a_split_is_a_pair(tmp_path):
    folders(tmp_path / "train", ("1.png", "2.png"), ("1_mask.png", "2_mask.png"))
    folders(tmp_path / "val", ("21_training.png",), ("21_manual1.png",))
    folders(tmp_path / "test", ("0.png",), ("0_mask.png",))
    assert found(tmp_path, "test") == [("0.png", "0_mask.png")]
    assert found(tmp_path, "val") == [("21_training.png", "21_manual1.png")]
    notes = open_data(tmp_path).notes
    assert ["0.png with 0_mask.png" in note for note in notes] == [False, False, True]


def test_lists_name_the_images(tmp_path):
    folders(tmp_path, ("a.png", "b.png", "c.png"), ("a_m.png", "b_m.png", "c_m.png"))
    (tmp_path / "train.txt").write_text("a.png\nb")
    (tmp_path / "test.txt").write_text("c")
    assert found(tmp_path, "test") == [("c.png", "c_m.png")]


def test_the_first_pair_is_shown(tmp_path, capsys):
    folders(tmp_path, ("a.png", "b.png"), ("a_mask.png", "b_mask.png"))
    assert main(["check", str(tmp_path)]) == 0
    assert "a.png with a_mask.png" in capsys.readouterr().out
