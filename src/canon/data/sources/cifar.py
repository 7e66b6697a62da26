"""CIFAR-10 in batches, binary or of Python."""

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from canon.data.dataset import Dataset
from canon.data.sources.arrays import Arrays, array_dataset
from canon.errors import DataError

# fmt: off
CIFAR_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)
# fmt: on
CIFAR_ROW = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes


def open_cifar(folder: Path) -> Dataset | None:
    """The dataset in a folder of CIFAR-10 batches, binary or Python, or None if there are none."""
    train = sorted(p for p in folder.glob("data_batch_*") if p.suffix in ("", ".bin"))
    test = [p for p in (folder / "test_batch.bin", folder / "test_batch") if p.is_file()]
    if not train:
        return None
    parts = {"train": _cifar_arrays(train)}
    if test:
        parts["test"] = _cifar_arrays(test[:1])
    return array_dataset(str(folder), parts, CIFAR_CLASSES)


def _cifar_arrays(files: list[Path]) -> Arrays:
    batches = [_cifar_binary(f) if f.suffix == ".bin" else _cifar_python(f) for f in files]
    labels = np.concatenate([labels for labels, _ in batches])
    planes = np.concatenate([planes for _, planes in batches]).reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels.astype(np.int64)


def _cifar_binary(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    content = np.fromfile(path, np.uint8)
    if content.size == 0 or content.size % CIFAR_ROW:
        raise DataError(
            f"{path} contains {content.size} bytes; expected a multiple of {CIFAR_ROW}. "
            "Download it again."
        )
    rows = content.reshape(-1, CIFAR_ROW)
    if rows[:, 0].max() > 9:
        raise DataError(
            f"{path} has a label of {rows[:, 0].max()}; expected 0 to 9. Download it again."
        )
    return rows[:, 0], rows[:, 1:]


class _ArraysOnly(pickle.Unpickler):
    """An unpickler restricted to NumPy arrays: a pickle can call any function."""

    ALLOWED = frozenset({
        ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
    })  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it calls {module}.{name}")
        return super().find_class(module, name)


def _cifar_python(path: Path) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    stream: BinaryIO
    try:
        with path.open("rb") as stream:
            batch = _ArraysOnly(stream, encoding="bytes").load()
        labels, planes = _flat_labels(batch[b"labels"]), np.asarray(batch[b"data"], np.uint8)
        planes = planes.reshape(len(labels), CIFAR_ROW - 1)
    except Exception as reason:
        raise DataError(
            f"{path} is not a CIFAR-10 batch: {reason}; expected labels and data. Download it "
            "again."
        ) from None
    return labels, planes


def _flat_labels(labels: Any) -> NDArray[np.int64]:
    if not all(isinstance(one, (int, np.integer)) and 0 <= one < 10 for one in labels):
        raise ValueError("its labels are not numbers from 0 to 9")
    return np.asarray(labels, np.int64)
