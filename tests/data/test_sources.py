"""Datasets from folders, arrays and archives."""

import pickle

import numpy as np
import pytest

from canon.data import open_data
from canon.errors import DataError
from tests.helpers.array_files import cifar_rows, write_idx
from tests.helpers.synthetic import make_folder


def test_idx_files_are_read_gzipped_or_not(tmp_path):
    folder, pixels, values = write_idx(tmp_path / "set")
    data = open_data(folder)
    assert np.array_equal(data.splits["train"].images.pixels[..., 0], pixels)
    assert np.array_equal(data.splits["train"].targets.values, values)


@pytest.mark.parametrize("form", ["binary", "python"])
def test_cifar_batches_are_read_in_both_formats(tmp_path, form):
    labels, planes = cifar_rows()
    for name in ("data_batch_1", "test_batch"):
        if form == "binary":
            rows = np.concatenate([labels[:, None], planes.reshape(20, -1)], 1)
            (tmp_path / f"{name}.bin").write_bytes(rows.tobytes())
        else:
            batch = {b"labels": labels.tolist(), b"data": planes.reshape(20, -1)}
            (tmp_path / name).write_bytes(pickle.dumps(batch, protocol=2))
    data = open_data(tmp_path)
    assert set(data.splits) == {"train", "test"}
    assert np.array_equal(data.splits["train"].images.pixels, planes.transpose(0, 2, 3, 1))
    assert np.array_equal(data.splits["test"].targets.values, labels)


def test_a_cifar_pickle_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return print, ("code was run",)

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=r"it calls builtins\.print"):
        open_data(tmp_path)


def test_an_npz_may_hold_class_names_and_16_bits(tmp_path):
    x = np.arange(8 * 5 * 5, dtype=np.uint16).reshape(8, 5, 5) * 300
    np.savez(tmp_path / "set.npz", x_train=x, y_train=np.arange(8) % 2, label_names=["cat", "dog"])
    data = open_data(tmp_path / "set.npz")
    assert data.classes == ("cat", "dog")
    assert data.splits["train"].images.pixels.shape == (8, 5, 5, 1)
    assert data.splits["train"].images.pixels.dtype == np.uint16


def test_class_folders_are_read_with_and_without_splits(tmp_path):
    plain = open_data(make_folder(tmp_path / "plain", 3))
    assert plain.classes == ("dark", "light")
    assert [f.name for f in plain.splits["train"].files] == ["00.png", "01.png", "02.png"] * 2
    for split in ("train", "valid", "test"):
        make_folder(tmp_path / "split" / split, 2)
    split = open_data(tmp_path / "split")
    assert {name: len(one) for name, one in split.splits.items()} == {
        "train": 4,
        "val": 4,
        "test": 4,
    }


def test_files_that_are_no_images_are_listed_as_ignored(pictures):
    (pictures / "dark" / "Thumbs.txt").write_text("x")
    (pictures / "dark" / ".hidden.png").write_text("x")
    assert [f.name for f in open_data(pictures).ignored] == ["Thumbs.txt"]


def one_class(folder):
    make_folder(folder, 3, ("only",))


def other_classes(folder):
    make_folder(folder / "train", 2, ("cat", "dog"))
    make_folder(folder / "test", 2, ("cat", "cow"))


def empty_class(folder):
    make_folder(folder, 2)
    (folder / "none").mkdir()


def no_classes(folder):
    make_folder(folder / "x", 2)
    for file in (folder / "x" / "dark").iterdir():
        file.rename(folder / file.name)
    for sub in sorted(folder.rglob("*"), reverse=True):
        if sub.is_dir():
            for file in sub.iterdir():
                file.unlink()
            sub.rmdir()


def counts_differ(folder):
    write_idx(folder, images=30, labels=29)


def corrupt_gzip(folder):
    write_idx(folder)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])


def no_labels(folder):
    write_idx(folder)
    (folder / "train-labels-idx1-ubyte").unlink()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder.mkdir(), "is empty; expected class folders"),
        (one_class, "has one class only, 'only'"),
        (other_classes, "test adds 'cow'"),
        (empty_class, "none holds no images"),
        (no_classes, "holds 2 images but no class folders"),
        (counts_differ, "has 30 train images but 29 labels"),
        (corrupt_gzip, "train-images-idx3-ubyte.gz is a corrupt gzip"),
        (no_labels, "has only one of the idx files of train images and labels"),
    ],
)
def test_an_unusable_dataset_is_refused_in_one_line(tmp_path, make, message):
    make(tmp_path / "set")
    with pytest.raises(DataError, match=message) as caught:
        open_data(tmp_path / "set")
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def test_an_npz_with_unusable_arrays_is_refused(tmp_path):
    x = np.zeros((4, 5, 5), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(3))
    with pytest.raises(DataError, match="has 4 train images but 3 labels"):
        open_data(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=x)
    with pytest.raises(DataError, match="contains images; expected x_train and y_train"):
        open_data(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", x_train=x / 2, y_train=np.arange(4))
    with pytest.raises(DataError, match="type float64; expected"):
        open_data(tmp_path / "c.npz")
    (tmp_path / "d.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="cannot be read as npz"):
        open_data(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("name", "message"), [("mnits", "Did you mean 'mnist'"), ("no/such/path", "Give a path")]
)
def test_an_unknown_name_or_path_is_refused(name, message):
    with pytest.raises(DataError, match=message):
        open_data(name)
