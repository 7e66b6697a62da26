"""`open_data`: a dataset by name or path."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from canon.data.dataset import Dataset, Split, validate
from canon.data.sources.arrays import from_arrays, open_idx, open_npz
from canon.data.sources.builtin import BUILT_IN
from canon.data.sources.cifar import open_cifar
from canon.data.sources.class_folders import open_class_folders
from canon.data.sources.class_table import read_class_table
from canon.data.sources.mask_folders import open_mask_folders
from canon.data.sources.unlabelled import from_images, open_flat_folder, open_unlabelled_npz
from canon.data.targets.base import Targets
from canon.data.targets.labels import Labels, Unlabelled
from canon.data.targets.masks import Masks
from canon.errors import DataError, nearest
from canon.utils.files import data_dir

Source = str | Path | Dataset | tuple[Any, Any] | Any  # images and labels, or images


def open_data(source: Source, *, known: Targets | None = None, labels: bool = True) -> Dataset:
    """A labelled dataset by name or path, or from arrays; a dataset is returned as it is.

    Args:
        source: `digits`, `mnist`, `fashion-mnist` or `cifar10`; a folder of class folders, or of
            images and masks, split into train, val and test or not; a folder of idx files or of
            CIFAR-10 batches; an npz with x_train and y_train; a pair of arrays, images (N, H, W)
            or (N, H, W, C) uint8 or uint16 and labels (N,), to train on. A path is looked for here,
            then in $CANON_DATA.
        known: targets like those that a run was trained on, to evaluate it: the dataset may then
            lack a training split or classes, and masks have the values of the run's.
        labels: whether labels are required. Without them, a folder may hold images only, an npz
            x_train only, and an array of images is a source too.

    Raises:
        DataError: nothing of that name, or what is there cannot be used; the message says why.
    """
    to_train = labels and known is None
    if isinstance(source, Dataset):
        return source
    if not isinstance(source, (str, Path)):
        return _in_memory(source, labels=labels, to_train=to_train)
    text = str(source)
    if text in BUILT_IN:
        return replace(validate(BUILT_IN[text][0]()), source=text)
    path = Path(source).expanduser()
    local = data_dir()
    if not path.exists() and local and (local / path).exists():
        path = local / path
    if not path.exists():
        raise DataError(
            f"there is no dataset and no folder or file {text!r}.{nearest(text, BUILT_IN)} "
            f"Give a path, or one of {', '.join(BUILT_IN)}."
        )
    path = path.resolve()
    found = None if labels else _without_labels(path)
    if found is not None:
        return found
    opened = validate(_open_path(path, known, to_train=to_train), to_train=to_train)
    return opened if labels else _without_masks(opened)


def _in_memory(source: Any, *, labels: bool, to_train: bool) -> Dataset:
    """A dataset of arrays.

    Raises:
        DataError: it is something else.
    """
    if isinstance(source, tuple) and len(source) == 2:
        return validate(from_arrays(*source), to_train=to_train)
    if not labels and isinstance(source, np.ndarray):
        return from_images(source)
    raise DataError(
        f"cannot open a {type(source).__name__} as data; expected a name, a path, a pair of "
        "arrays (images, labels), or what open_data returned. Save it as files or as npz."
    )


def _without_masks(data: Dataset) -> Dataset:
    """The same without targets that are no labels."""
    splits = {
        name: split
        if isinstance(split.targets, Labels)
        else Split(split.images, Unlabelled(np.zeros(len(split), np.int64)))
        for name, split in data.splits.items()
    }
    return replace(data, splits=splits)


def _without_labels(path: Path) -> Dataset | None:
    """The images of a folder or npz without labels; None if it is labelled."""
    if path.is_dir():
        return open_flat_folder(path)
    return open_unlabelled_npz(path) if path.suffix == ".npz" else None


def class_names(folder: Path) -> tuple[str, ...] | None:
    """The class names in classes.txt or classes.json in a folder of idx files, if there is one."""
    table = read_class_table(folder)
    return None if table is None else table.names


def _open_path(path: Path, known: Targets | None, *, to_train: bool) -> Dataset:
    if path.is_dir():
        if not any(path.iterdir()):
            raise DataError(
                f"{path} is empty; expected class folders of images. Put images there or "
                "give another folder."
            )
        if (path / "run.json").is_file():
            raise DataError(
                f"{path} is a run folder; expected a folder of images. Pass the data that the run "
                "was trained on, or other data."
            )
        return (
            open_idx(path, class_names(path))
            or open_cifar(path)
            or open_mask_folders(
                path, known if isinstance(known, Masks) else None, to_train=to_train
            )
            or open_class_folders(path, to_train=to_train)
        )
    if path.suffix == ".npz":
        return open_npz(path)
    raise DataError(
        f"{path} is a single {path.suffix or 'nameless'} file; expected a folder or an npz. "
        "Give the folder that holds the classes."
    )
