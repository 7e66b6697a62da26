"""Labels, masks and no targets at all: selection, strata, order of classes, validation."""

from pathlib import Path

import numpy as np
import pytest

from canon.data import Dataset, Split
from canon.data.dataset import validate
from canon.data.images.collection import ArrayImages, FileImages
from canon.data.targets.labels import Labels, Unlabelled
from canon.data.targets.mask_codes import MaskCodes
from canon.data.targets.masks import Masks
from canon.errors import DataError

LABELS = Labels(np.array([2, 0, 1, 0]), ("ant", "bee", "cat"))
FILES = tuple(Path(f"{name}.png") for name in "abc")
MASKS = Masks(FILES, ("cell", "gap"), MaskCodes((0, 1)))


def test_labels_are_counted_selected_and_grouped_by_class():
    assert LABELS.counts().tolist() == [2, 1, 1]
    assert LABELS.select(np.array([3, 0])).values.tolist() == [0, 2]
    assert LABELS.strata().tolist() == [2, 0, 1, 0]
    assert LABELS.stratum_name(1) == "class 'bee'"
    assert (LABELS.outputs, LABELS.files, len(LABELS)) == (3, (), 4)


def test_labels_take_the_class_order_of_a_run_that_may_have_more_classes():
    other = LABELS.reordered(("cat", "bee", "dog", "ant"))
    assert [other.classes[i] for i in other.values] == ["cat", "ant", "bee", "ant"]
    with pytest.raises(DataError, match="classes that the run does not know: bee; expected"):
        LABELS.reordered(("ant", "cat"))


@pytest.mark.parametrize(
    ("labels", "images", "message"),
    [
        (LABELS, 5, "data has 5 train images but 4 labels; expected one label for each image"),
        (Labels(np.zeros(2, np.int64), ("ant",)), 2, "data has one class only, 'ant'; expected"),
        (Labels(np.array([0, 2]), ("ant", "bee", "cat")), 2, "no train image of class 'bee'"),
    ],
)
def test_labels_that_cannot_be_trained_on_are_refused(labels, images, message):
    with pytest.raises(DataError, match=message):
        labels.validate("data", "train", images)


def test_masks_are_selected_in_order_and_form_one_stratum():
    assert [file.stem for file in MASKS.select(np.array([2, 0])).files] == ["c", "a"]
    assert MASKS.strata().tolist() == [0, 0, 0]
    assert MASKS.reordered(("cell", "gap")) is MASKS
    with pytest.raises(DataError, match="the masks have the classes cell, gap; expected gap, cell"):
        MASKS.reordered(("gap", "cell"))
    with pytest.raises(DataError, match="data has 2 test images and 3 masks"):
        MASKS.validate("data", "test", 2)


def test_images_without_targets_are_counted_only():
    targets = Unlabelled(np.zeros(3))
    assert len(targets.select(np.array([1, 2]))) == 2
    assert (targets.kind, targets.classes, targets.outputs) == ("none", (), 0)
    targets.validate("data", "train", 3)
    with pytest.raises(DataError, match="data has 4 train images but 3 targets"):
        targets.validate("data", "train", 4)


def test_a_split_selects_images_and_targets_alike():
    pixels = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    split = Split(ArrayImages.of(pixels), LABELS).select(np.array([3, 0]))
    assert split.images.pixels.ravel().tolist() == [3, 0]
    assert split.images.names == ("#3", "#0")
    assert split.targets.values.tolist() == [0, 2]


def test_a_file_without_its_image_or_mask_is_left_out_with_the_other():
    images = FileImages.of(Path("images", file) for file in FILES)
    data = Dataset("data", {"train": Split(images, MASKS)})
    rest = data.without({images.files[0], FILES[2]})
    assert [file.stem for file in rest.splits["train"].files] == ["b", "b"]
    assert validate(rest).sizes == {"train": 1}
