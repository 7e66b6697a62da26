"""Arrays from files: idx (the MNIST form), the CIFAR batches, and npz."""

import gzip
import pickle
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from canon.data.dataset import Dataset, Split
from canon.data.types import Pixels
from canon.errors import DataError

IDX = {"train": "train", "test": "t10k"}
# fmt: off
CIFAR_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)
# fmt: on
CIFAR_ROW = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an idx file of bytes, gzipped or not.

    Raises:
        DataError: a corrupt gzip, another format, or fewer bytes than the header promises.
    """
    content = read_bytes(path)
    if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise DataError(
            f"{path} is not an idx file of bytes; expected the MNIST form. Fetch it again."
        )
    shape = tuple(np.frombuffer(content, ">u4", count=content[3], offset=4).tolist())
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
    if values.size != np.prod(shape):
        raise DataError(
            f"{path} holds {values.size} bytes; its header promises {' x '.join(map(str, shape))}. "
            "Fetch it again."
        )
    return values.reshape(shape)


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked where it ends in .gz.

    Raises:
        DataError: a corrupt or truncated gzip.
    """
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as stream:
            return stream.read()
    except (OSError, EOFError, zlib.error) as reason:
        raise DataError(
            f"{path} is a corrupt gzip: {reason}; expected a whole file. "
            "Delete it and fetch it again."
        ) from None


def find_idx(folder: Path, split: str, what: str) -> Path | None:
    """The idx file of the images (`images-idx3`) or labels (`labels-idx1`) of a split, if there."""
    for dash in ("-", "."):
        for ending in ("", ".gz"):
            path = folder / f"{IDX[split]}-{what.replace('-', dash)}-ubyte{ending}"
            if path.is_file():
                return path
    return None


def open_idx(folder: Path) -> Dataset | None:
    """The set in a folder of idx files, or None where there are none."""
    parts = {}
    for split in IDX:
        files = [find_idx(folder, split, what) for what in ("images-idx3", "labels-idx1")]
        if not any(files):
            continue
        if files[0] is None or files[1] is None:
            raise DataError(
                f"{folder} has idx {split} images without labels or labels without images; "
                "expected both. Add the missing file."
            )
        parts[split] = Split(read_idx(files[1]).astype(np.int64), read_idx(files[0])[..., None])
    if not parts:
        return None
    count = max(int(part.labels.max(initial=0)) for part in parts.values()) + 1
    return Dataset(str(folder), tuple(map(str, range(count))), parts)


def open_cifar(folder: Path) -> Dataset | None:
    """The set in a folder of CIFAR-10 batches, binary or Python, or None where there are none."""
    train = sorted(p for p in folder.glob("data_batch_*") if p.suffix in ("", ".bin"))
    test = [p for p in (folder / "test_batch.bin", folder / "test_batch") if p.is_file()]
    if not train:
        return None
    parts = {"train": _cifar_part(train)}
    if test:
        parts["test"] = _cifar_part(test[:1])
    return Dataset(str(folder), CIFAR_CLASSES, parts)


def _cifar_part(files: list[Path]) -> Split:
    batches = [_cifar_binary(f) if f.suffix == ".bin" else _cifar_python(f) for f in files]
    labels = np.concatenate([labels for labels, _ in batches])
    planes = np.concatenate([planes for _, planes in batches]).reshape(-1, 3, 32, 32)
    return Split(labels.astype(np.int64), np.ascontiguousarray(planes.transpose(0, 2, 3, 1)))


def _cifar_binary(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    content = np.fromfile(path, np.uint8)
    if content.size == 0 or content.size % CIFAR_ROW:
        raise DataError(
            f"{path} holds {content.size} bytes; expected a multiple of {CIFAR_ROW}. "
            "Fetch it again."
        )
    rows = content.reshape(-1, CIFAR_ROW)
    return rows[:, 0], rows[:, 1:]


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that makes NumPy arrays and nothing else: a pickle can name any function."""

    ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype", "encode"})

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".", maxsplit=1)[0] not in ("numpy", "_codecs") or name not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def _cifar_python(path: Path) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    stream: BinaryIO
    try:
        with path.open("rb") as stream:
            batch = _ArraysOnly(stream, encoding="bytes").load()
        labels, planes = (
            np.asarray(batch[b"labels"], np.int64),
            np.asarray(batch[b"data"], np.uint8),
        )
        planes = planes.reshape(len(labels), CIFAR_ROW - 1)
    except Exception as reason:
        raise DataError(
            f"{path} is not a CIFAR-10 batch: {reason}; expected labels and data. Fetch it again."
        ) from None
    return labels, planes


def open_npz(path: Path) -> Dataset:
    """The set in an npz with x_train, y_train and, if given, x_val, y_val, x_test, y_test.

    Images are (N, H, W) or (N, H, W, C), uint8 or uint16; `label_names` may name the classes.

    Raises:
        DataError: not an npz, arrays missing, or of another type or shape.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as reason:
        raise DataError(
            f"{path} cannot be read as an npz: {reason}; expected arrays. "
            "Write it with numpy.savez."
        ) from None
    splits = [s for s in ("train", "val", "test") if f"x_{s}" in arrays and f"y_{s}" in arrays]
    if "train" not in splits:
        raise DataError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; expected x_train and y_train. "
            "Rename the arrays."
        )
    parts = {
        s: Split(_labels(arrays[f"y_{s}"], path), _images(arrays[f"x_{s}"], path)) for s in splits
    }
    count = max(int(part.labels.max(initial=0)) for part in parts.values()) + 1
    given = arrays.get("label_names", arrays.get("classes"))
    classes = tuple(map(str, range(count) if given is None else given.tolist()))
    if len(classes) < count:
        raise DataError(
            f"{path} names {len(classes)} classes but has labels up to {count - 1}; expected a "
            "name for each. Mend label_names."
        )
    return Dataset(str(path), classes, parts)


def _labels(values: NDArray[Any], path: Path) -> NDArray[np.int64]:
    flat = values.reshape(-1)
    if not np.issubdtype(flat.dtype, np.integer) or (flat.size and flat.min() < 0):
        raise DataError(
            f"{path} has labels of type {flat.dtype}; expected integers from 0. Convert them."
        )
    return flat.astype(np.int64)


def _images(values: NDArray[Any], path: Path) -> Pixels:
    images = values[..., None] if values.ndim == 3 else values
    if (
        images.ndim != 4
        or images.shape[-1] not in (1, 3)
        or images.dtype not in (np.uint8, np.uint16)
    ):
        raise DataError(
            f"{path} has images of shape {values.shape} and type {values.dtype}; expected "
            "(N, H, W) or (N, H, W, 1 or 3) of uint8 or uint16. Convert them."
        )
    return images
