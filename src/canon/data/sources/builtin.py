"""The built-in datasets: digits, MNIST, Fashion-MNIST and CIFAR-10."""

import tarfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from canon.data.dataset import Dataset
from canon.data.sources.arrays import array_dataset, open_idx, open_npz
from canon.data.sources.cifar import open_cifar
from canon.data.sources.rendered import rendered_chairs
from canon.errors import DataError
from canon.utils.download import RemoteFile, fetch, matches_checksum
from canon.utils.files import cache_dir, data_dir, in_cache

MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION_URL = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"

# fmt: off
MNIST = (
    RemoteFile("train-images-idx3-ubyte.gz",
           "f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
    RemoteFile("train-labels-idx1-ubyte.gz",
           "d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
    RemoteFile("t10k-images-idx3-ubyte.gz",
           "9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
    RemoteFile("t10k-labels-idx1-ubyte.gz",
           "ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
)
FASHION = (
    RemoteFile("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    RemoteFile("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
    RemoteFile("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
    RemoteFile("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
)
CIFAR = RemoteFile("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530")
FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)
# fmt: on


def _digits() -> Dataset:
    # Read from its file: importing scikit-learn's loader takes a second.
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "scikit-learn is missing; expected it for the digits. Run pip install scikit-learn."
        )
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(path, delimiter=",")
    images = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = table[:, -1].astype(np.int64)
    return array_dataset("digits", {"train": (images, labels)}, tuple("0123456789"))


def _idx_set(
    name: str, url: str, files: tuple[RemoteFile, ...], classes: tuple[str, ...]
) -> Dataset:
    local = data_dir()
    folder = local / name if local else None
    if not (folder and all((folder / r.file).is_file() for r in files)):
        folder = cache_dir(name)
        for remote in files:
            fetch(url + remote.file, folder / remote.file, remote)
    for remote in files:
        if not matches_checksum(folder / remote.file, remote):
            raise DataError(
                f"{folder / remote.file} is not the published file: its checksum differs; expected "
                f"MD5 {remote.md5}. {_instead(folder)}"
            )
    found = open_idx(folder, classes)
    assert found is not None
    return found


def _instead(folder: Path) -> str:
    """What to do about a file with another checksum: only copies in the cache may be deleted."""
    if in_cache(folder):
        return "Delete it to download it again."
    return f"If it is another version that you want, pass the folder itself: {folder}"


def _mnist() -> Dataset:
    return _idx_set("mnist", MNIST_URL, MNIST, tuple("0123456789"))


def _fashion() -> Dataset:
    return _idx_set("fashion-mnist", FASHION_URL, FASHION, FASHION_CLASSES)


def _cifar10() -> Dataset:
    local = data_dir()
    for name in ("cifar10", "cifar-10-batches-bin", "cifar-10-batches-py"):
        if local and (local / name).is_dir() and (found := open_cifar(local / name)):
            return found
    if local and (local / "cifar10.npz").is_file():
        return open_npz(local / "cifar10.npz")
    folder = cache_dir("cifar10")
    batches = folder / "cifar-10-batches-bin"
    if not batches.is_dir():
        archive = fetch(CIFAR_URL + CIFAR.file, folder / CIFAR.file, CIFAR)
        with TemporaryDirectory(dir=folder) as temporary:
            extract(archive, Path(temporary))
            (Path(temporary) / batches.name).rename(batches)
    found = open_cifar(batches)
    if found is None:
        raise DataError(
            f"{batches} is empty; expected CIFAR-10 batches. Delete it to unpack the archive again."
        )
    return found


def extract(archive: Path, folder: Path) -> None:
    """Extract a tar archive that contains only plain files and folders.

    Python has the `data` filter since 3.11.4; earlier versions check the members here.

    Raises:
        DataError: a member is a link or a device, or its path is outside the folder.
    """
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            try:
                tar.extractall(folder, filter="data")
            except tarfile.FilterError as reason:
                raise _unsafe(archive, reason.tarinfo.name) from None
            return
        root = folder.resolve()
        for member in tar.getmembers():
            inside = (root / member.name).resolve().is_relative_to(root)
            if not inside or not (member.isfile() or member.isdir()):
                raise _unsafe(archive, member.name)
        tar.extractall(folder)


def _unsafe(archive: Path, member: str) -> DataError:
    return DataError(
        f"{archive} contains {member!r}, a link or a path outside the archive; expected plain "
        "files. Delete the archive to download it again."
    )


BUILT_IN: dict[str, tuple[Callable[[], Dataset], str]] = {
    "digits": (_digits, "1,797 grey 8 x 8 digits, part of scikit-learn; no download"),
    "mnist": (_mnist, "grey 28 x 28 digits, 60,000 to train and 10,000 to test"),
    "fashion-mnist": (
        _fashion,
        "grey 28 x 28 photos of clothing, 60,000 to train and 10,000 to test",
    ),
    "cifar10": (
        _cifar10,
        "colour 32 x 32 photos of 10 classes, 50,000 to train and 10,000 to test",
    ),
    "chairs": (
        rendered_chairs,
        "colour 64 x 64 drawings of chairs and solids with class, view and colour; no download",
    ),
    "chairs-128": (
        partial(rendered_chairs, "chairs-128"),
        "the same drawings with 128 x 128 pixels; no download",
    ),
}


def register_dataset(name: str, about: str) -> Callable[[Callable[[], Dataset]], None]:
    """Add a built-in dataset: a decorator for the function that opens it.

    Args:
        name: what `open_data` and `canon train` call it.
        about: one line for `canon list data`.
    """

    def add(open_it: Callable[[], Dataset]) -> None:
        BUILT_IN[name] = open_it, about

    return add
