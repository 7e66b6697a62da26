"""Images without labels: flat folders, npz files and arrays."""

import numpy as np
import pytest
from PIL import Image

from canon.data import open_data
from canon.errors import DataError


def save(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(path)


def test_a_flat_folder_holds_all_images_below_it(tmp_path):
    for name in ("a.png", "b.png", "more/c.png"):
        save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("none")
    data = open_data(tmp_path, labels=False)
    assert [file.name for file in data.splits["train"].files] == ["a.png", "b.png", "c.png"]
    assert data.classes == ()
    assert [file.name for file in data.ignored] == ["notes.txt"]


def test_the_images_of_masks_are_images(tmp_path):
    save(tmp_path / "images" / "a.png")
    save(tmp_path / "masks" / "a.png")
    data = open_data(tmp_path, labels=False)
    assert [file.parent.name for file in data.splits["train"].files] == ["images"]


def test_class_folders_keep_their_labels_and_one_class_is_enough(tmp_path):
    save(tmp_path / "cat" / "a.png")
    assert open_data(tmp_path, labels=False).classes == ("cat",)
    save(tmp_path / "dog" / "a.png")
    data = open_data(tmp_path, labels=False)
    assert data.splits["train"].targets.values.tolist() == [0, 1]


def test_an_npz_needs_no_labels(tmp_path):
    images = np.zeros((3, 4, 4), np.uint8)
    for name in ("x_train", "images"):
        np.savez(tmp_path / "one.npz", **{name: images})
        data = open_data(tmp_path / "one.npz", labels=False)
        assert (data.sizes, data.classes) == ({"train": 3}, ())
    np.savez(tmp_path / "two.npz", x_train=images, y_train=np.array([0, 1, 0]))
    assert open_data(tmp_path / "two.npz", labels=False).classes == ("0", "1")


def test_an_array_of_another_type_is_refused():
    with pytest.raises(DataError, match=r"images of shape \(3, 4\) and type float64"):
        open_data(np.zeros((3, 4)), labels=False)


def test_labels_are_required_unless_they_are_left_out(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(DataError, match="holds 1 images but no class folders"):
        open_data(tmp_path)
    with pytest.raises(DataError, match="expected a name, a path, a pair of arrays"):
        open_data(np.zeros((3, 4, 4), np.uint8))
