import gzip
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest

from canon.data import open_data
from canon.data.sources import builtin
from canon.errors import DataError
from tests.helpers.synthetic import make_folder


def write_idx(folder, split="train", images=30, labels=30, classes=3):
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    prefix = {"train": "train", "test": "t10k"}[split]
    pixels = random.integers(0, 256, (images, 8, 8), np.uint8)
    head = struct.pack(">4B3I", 0, 0, 8, 3, images, 8, 8)
    with gzip.open(folder / f"{prefix}-images-idx3-ubyte.gz", "wb") as file:
        file.write(head + pixels.tobytes())
    values = (np.arange(labels) % classes).astype(np.uint8)
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(
        struct.pack(">4BI", 0, 0, 8, 1, labels) + values.tobytes()
    )
    return folder, pixels, values


def test_digits_are_built_in():
    data = open_data("digits")
    part = data.parts["train"]
    assert part.images.shape == (1797, 8, 8, 1)
    assert part.images.dtype == np.uint8
    assert part.images.max() == 255
    assert data.classes == tuple("0123456789")
    assert np.bincount(part.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_scikit_learn_s():
    from sklearn.datasets import load_digits

    theirs = load_digits()
    ours = open_data("digits").parts["train"]
    assert np.array_equal(ours.labels, theirs.target)
    assert np.allclose(ours.images[..., 0] / 255, theirs.images / 16, atol=0.5 / 255)


def test_mnist_is_found_in_canon_data_and_is_the_published_one(real_data):
    data = open_data("mnist")
    assert {name: len(part) for name, part in data.parts.items()} == {
        "train": 60_000,
        "test": 10_000,
    }
    assert data.parts["train"].labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    pixels = data.parts["train"].images / 255
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


def test_cifar10_as_an_npz(cifar10):
    data = open_data(cifar10)
    assert data.classes[0] == "airplane"
    assert data.parts["train"].images.shape == (50_000, 32, 32, 3)
    mean = data.parts["train"].images.reshape(-1, 3).mean(0, dtype=np.float64)
    assert mean == pytest.approx([125.306918, 122.950394, 113.865383], abs=1e-4)


def test_idx_files_gzipped_or_not(tmp_path):
    folder, pixels, values = write_idx(tmp_path / "set")
    data = open_data(folder)
    assert np.array_equal(data.parts["train"].images[..., 0], pixels)
    assert np.array_equal(data.parts["train"].labels, values)


def cifar_rows(count=20):
    random = np.random.default_rng(1)
    labels = np.arange(count, dtype=np.uint8) % 10
    planes = random.integers(0, 256, (count, 3, 32, 32), np.uint8)
    return labels, planes


@pytest.mark.parametrize("form", ["binary", "python"])
def test_cifar_batches(tmp_path, form):
    labels, planes = cifar_rows()
    for name in ("data_batch_1", "test_batch"):
        if form == "binary":
            rows = np.concatenate([labels[:, None], planes.reshape(20, -1)], 1)
            (tmp_path / f"{name}.bin").write_bytes(rows.tobytes())
        else:
            batch = {b"labels": labels.tolist(), b"data": planes.reshape(20, -1)}
            (tmp_path / name).write_bytes(pickle.dumps(batch, protocol=2))
    data = open_data(tmp_path)
    assert set(data.parts) == {"train", "test"}
    assert np.array_equal(data.parts["train"].images, planes.transpose(0, 2, 3, 1))
    assert np.array_equal(data.parts["test"].labels, labels)


def test_a_cifar_pickle_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return print, ("code was run",)

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=r"it asks for builtins\.print"):
        open_data(tmp_path)


def test_npz_with_names_and_16_bits(tmp_path):
    x = np.arange(8 * 5 * 5, dtype=np.uint16).reshape(8, 5, 5) * 300
    np.savez(tmp_path / "set.npz", x_train=x, y_train=np.arange(8) % 2, label_names=["cat", "dog"])
    data = open_data(tmp_path / "set.npz")
    assert data.classes == ("cat", "dog")
    assert data.parts["train"].images.shape == (8, 5, 5, 1)
    assert data.parts["train"].images.dtype == np.uint16


def test_class_folders_with_and_without_splits(tmp_path):
    plain = open_data(make_folder(tmp_path / "plain", 3))
    assert plain.classes == ("dark", "light")
    assert [f.name for f in plain.parts["train"].files] == ["00.png", "01.png", "02.png"] * 2
    for split in ("train", "valid", "test"):
        make_folder(tmp_path / "split" / split, 2)
    split = open_data(tmp_path / "split")
    assert {name: len(part) for name, part in split.parts.items()} == {
        "train": 4,
        "val": 4,
        "test": 4,
    }


def test_files_that_are_no_images_are_counted_not_hidden(pictures):
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
    ("make", "said"),
    [
        (lambda folder: folder.mkdir(), "is empty; expected class folders"),
        (one_class, "has one class only, 'only'"),
        (other_classes, "test lacks 'dog' and adds 'cow'"),
        (empty_class, "none holds no images"),
        (no_classes, "holds 2 images but no class folders"),
        (counts_differ, "has 30 train images but 29 labels"),
        (corrupt_gzip, "train-images-idx3-ubyte.gz is a corrupt gzip"),
        (no_labels, "images without labels or labels without images"),
    ],
)
def test_a_set_that_cannot_be_used_says_why_in_one_line(tmp_path, make, said):
    make(tmp_path / "set")
    with pytest.raises(DataError, match=said) as told:
        open_data(tmp_path / "set")
    assert "\n" not in str(told.value)
    assert "expected" in str(told.value)


def test_npz_label_counts_and_missing_arrays(tmp_path):
    x = np.zeros((4, 5, 5), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(3))
    with pytest.raises(DataError, match="has 4 train images but 3 labels"):
        open_data(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=x)
    with pytest.raises(DataError, match="holds images; expected x_train and y_train"):
        open_data(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", x_train=x / 2, y_train=np.arange(4))
    with pytest.raises(DataError, match="type float64; expected"):
        open_data(tmp_path / "c.npz")
    (tmp_path / "d.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="cannot be read as an npz"):
        open_data(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("name", "said"), [("mnits", "Did you mean 'mnist'"), ("no/such/path", "Give a path")]
)
def test_an_unknown_name_or_path(name, said):
    with pytest.raises(DataError, match=said):
        open_data(name)


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
    assert len(open_data("cifar10").parts["test"]) == 20
