"""Datasets in array files: idx (the format of MNIST), and npz."""

import gzip
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.data.dataset import Dataset, Split
from canon.data.images.collection import ArrayImages
from canon.data.targets.labels import Labels, from_one
from canon.data.types import Pixels
from canon.errors import DataError

IDX = {"train": "train", "test": "t10k"}
Arrays = tuple[Pixels, NDArray[np.int64]]  # images and labels of a split


def array_dataset(
    source: str, arrays: dict[str, Arrays], classes: tuple[str, ...] | None = None
) -> Dataset:
    """A dataset of images in memory, with a label for each.

    Args:
        source: the name or path it was opened by.
        arrays: images (N, H, W, C) and labels (N,) of each split.
        classes: names of the classes; None numbers them.
    """
    names = classes or tuple(map(str, range(class_count(arrays))))
    return Dataset(
        source,
        {
            split: Split(ArrayImages.of(pixels), Labels(labels, names))
            for split, (pixels, labels) in arrays.items()
        },
    )


def from_arrays(images: Any, labels: Any) -> Dataset:
    """A dataset of arrays in memory, to train on.

    Raises:
        DataError: they have the wrong type or shape.
    """
    here = Path("the arrays")
    pixels, targets = checked_images(np.asarray(images), here), _labels(np.asarray(labels), here)
    _require_plausible(here, targets, named=False)
    return array_dataset("arrays", {"train": (pixels, targets)})


def class_count(arrays: dict[str, Arrays]) -> int:
    """One more than the largest label."""
    return max(int(labels.max(initial=0)) for _, labels in arrays.values()) + 1


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of an idx file of unsigned bytes, gzipped or not.

    Raises:
        DataError: the gzip is corrupt, or the format or number of bytes is wrong.
    """
    head = read_bytes(path, 4)
    header = read_bytes(path, 4 + 4 * head[3]) if len(head) == 4 else head
    if head[:3] != b"\0\0\x08" or len(header) < 4 + 4 * head[3]:
        raise DataError(
            f"{path} is not an idx file of bytes; expected the format of MNIST. Download it again."
        )
    shape = tuple(np.frombuffer(header, ">u4", offset=4).tolist())
    size = len(header) + prod(shape)
    content = read_bytes(path, size + 1)  # no more than the header promises
    values = np.frombuffer(content, np.uint8, offset=len(header))
    if len(content) != size:
        more = "more than " * (len(content) > size)
        raise DataError(
            f"{path} contains {more}{min(values.size, prod(shape)):,} values; expected "
            f"{' x '.join(map(str, shape))} from its header. Download it again."
        )
    return values.reshape(shape)


def read_bytes(path: Path, most: int = -1) -> bytes:
    """The content of a file, decompressed if it ends in .gz; at most so many bytes of it.

    Raises:
        DataError: the gzip is corrupt or truncated.
    """
    if path.suffix != ".gz":
        with path.open("rb") as file:
            return file.read(most)
    try:
        with gzip.open(path) as stream:
            return stream.read(most)
    except (OSError, EOFError, zlib.error) as reason:
        raise DataError(
            f"{path} is a corrupt gzip: {reason}; expected a complete file. "
            "Delete it and download it again."
        ) from None


def find_idx(folder: Path, split: str, kind: str) -> Path | None:
    """The file of a split's images (`images-idx3`) or labels (`labels-idx1`), or None."""
    for dash in ("-", "."):
        for ending in ("", ".gz"):
            path = folder / f"{IDX[split]}-{kind.replace('-', dash)}-ubyte{ending}"
            if path.is_file():
                return path
    return None


def open_idx(folder: Path, classes: tuple[str, ...] | None = None) -> Dataset | None:
    """The set in a folder of idx files, or None where there are none."""
    parts: dict[str, Arrays] = {}
    for split in IDX:
        files = [find_idx(folder, split, kind) for kind in ("images-idx3", "labels-idx1")]
        if not any(files):
            continue
        if files[0] is None or files[1] is None:
            raise DataError(
                f"{folder} has only one of the idx files of {split} images and labels; expected "
                "both. Add the missing file."
            )
        parts[split] = read_idx(files[0])[..., None], read_idx(files[1]).astype(np.int64)
    return array_dataset(str(folder), parts, classes) if parts else None


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file, without unpickling.

    Raises:
        DataError: it is none, or holds objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as reason:
        raise DataError(
            f"{path} cannot be read as npz: {reason}; expected arrays. Write it with numpy.savez."
        ) from None


def open_npz(path: Path) -> Dataset:
    """The dataset in an npz with x_train, y_train and optionally x_val, y_val, x_test, y_test.

    Images are (N, H, W) or (N, H, W, C), uint8 or uint16. Optional `label_names` are the classes.

    Raises:
        DataError: not an npz file, or arrays are missing or have the wrong type or shape.
    """
    arrays = read_npz(path)
    splits = [s for s in ("train", "val", "test") if f"x_{s}" in arrays and f"y_{s}" in arrays]
    if "train" not in splits:
        raise DataError(
            f"{path} contains {', '.join(arrays) or 'nothing'}; expected x_train and y_train. "
            "Rename the arrays."
        )
    parts = {
        s: (checked_images(arrays[f"x_{s}"], path), _labels(arrays[f"y_{s}"], path)) for s in splits
    }
    labels = np.concatenate([labels for _, labels in parts.values()])
    given = arrays.get("label_names", arrays.get("classes"))
    _require_plausible(path, labels, named=given is not None)
    count = class_count(parts)
    classes = tuple(map(str, range(count) if given is None else given.reshape(-1).tolist()))
    if len(classes) < count:
        raise DataError(
            f"{path} names {len(classes)} classes but has labels up to {count - 1}; expected "
            f"{count} names. Correct label_names."
        )
    return array_dataset(str(path), parts, classes)


def _require_plausible(path: Path, labels: NDArray[np.int64], *, named: bool) -> None:
    """Refuse labels that begin at 1, or that are no indices of classes."""
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if low == 1 and not named:
        raise from_one(str(path), high)
    if high >= max(len(labels), 2):
        raise DataError(
            f"{path} has a label of {high:,} but {len(labels):,} images; expected indices of "
            "classes: 0, 1, 2, ... Number the classes in order."
        )


def _labels(values: NDArray[Any], path: Path) -> NDArray[np.int64]:
    if values.ndim > 1 and max(values.shape[1:]) > 1:
        raise DataError(
            f"{path} has labels of shape {values.shape}, several for each image, which are not "
            "supported; expected one class index for each image. Keep one label per image."
        )
    flat = values.reshape(-1)
    if np.issubdtype(flat.dtype, np.floating):
        raise DataError(
            f"{path} has labels of type {flat.dtype}: regression is not supported; expected the "
            "index of a class for each image. Convert them if they are indices."
        )
    if not np.issubdtype(flat.dtype, np.integer) or (flat.size and flat.min() < 0):
        raise DataError(
            f"{path} has labels of type {flat.dtype}; expected integers from 0. Convert them."
        )
    return flat.astype(np.int64)


def checked_images(values: NDArray[Any], path: Path) -> Pixels:
    """Images with a channel axis.

    Raises:
        DataError: another shape or type.
    """
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
