"""The datasets that are opened by name."""

import io
import tarfile

import numpy as np
import pytest

from canon.data import open_data
from canon.data.sources import builtin
from canon.errors import DataError
from tests.helpers.array_files import cifar_rows, write_idx


def test_digits_are_built_in():
    data = open_data("digits")
    split = data.splits["train"]
    pixels = split.images.pixels
    assert pixels.shape == (1797, 8, 8, 1)
    assert pixels.dtype == np.uint8
    assert pixels.max() == 255
    assert data.classes == tuple("0123456789")
    counts = np.bincount(split.targets.values).tolist()
    assert counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_equal_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    ours = open_data("digits").splits["train"]
    assert np.array_equal(ours.targets.values, theirs.target)
    assert np.allclose(ours.images.pixels[..., 0] / 255, theirs.images / 16, atol=0.5 / 255)


def test_mnist_is_found_in_canon_data_and_is_the_published_one(real_data):
    data = open_data("mnist")
    assert {name: len(one) for name, one in data.splits.items()} == {
        "train": 60_000,
        "test": 10_000,
    }
    assert data.splits["train"].targets.values[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    pixels = data.splits["train"].images.pixels / 255
    assert (pixels.mean(), pixels.std()) == (
        pytest.approx(0.1307, abs=1e-4),
        pytest.approx(0.3081, abs=1e-4),
    )


def test_mnist_that_was_tampered_with_is_refused(tmp_path, monkeypatch):
    folder, *_ = write_idx(tmp_path / "mnist")
    write_idx(folder, "test")
    for split in ("train", "t10k"):
        (folder / f"{split}-labels-idx1-ubyte").rename(folder / f"{split}-labels-idx1-ubyte.gz")
    monkeypatch.setenv("CANON_DATA", str(tmp_path))
    with pytest.raises(
        DataError, match=r"train-images.* is not the published file: its checksum differs"
    ):
        open_data("mnist")


def test_cifar10_as_an_npz_has_its_known_mean(cifar10):
    data = open_data(cifar10)
    assert data.classes[0] == "airplane"
    assert data.splits["train"].images.pixels.shape == (50_000, 32, 32, 3)
    mean = data.splits["train"].images.pixels.reshape(-1, 3).mean(0, dtype=np.float64)
    assert mean == pytest.approx([125.306918, 122.950394, 113.865383], abs=1e-4)


def test_cifar10_is_unpacked_from_its_archive(tmp_path, monkeypatch):
    labels, planes = cifar_rows()
    rows = np.concatenate([labels[:, None], planes.reshape(20, -1)], 1).tobytes()
    archive = tmp_path / "made.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("data_batch_1.bin", "test_batch.bin"):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(rows)
            tar.addfile(member, io.BytesIO(rows))
    monkeypatch.delenv("CANON_DATA", raising=False)
    monkeypatch.setenv("CANON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(builtin, "fetch", lambda url, path, remote: archive)
    assert len(open_data("cifar10").splits["test"]) == 20
