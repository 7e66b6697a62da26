"""Folders named train, val and test."""

import re
from pathlib import Path

from canon.data.images.listing import folders_in
from canon.data.images.reader import is_image
from canon.errors import DataError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}

UNLABELLED = ("unlabeled", "unlabelled", "unsup", "extra")


def split_folders(folder: Path, *, to_train: bool = True) -> dict[str, Path]:
    """The folders of the splits, or the folder itself as the training split.

    A folder named like a split is a class if it and its siblings hold images.

    Args:
        folder: the dataset.
        to_train: whether there must be a training split.

    Raises:
        DataError: two folders name the same split, or there is no training split.
    """
    inside = folders_in(folder)
    found: dict[str, Path] = {}
    for one in inside:
        split = SPLIT_NAMES.get(one.name.lower())
        if split in found and not _all_classes(inside):
            raise DataError(
                f"{folder} has {found[split].name} and {one.name}; expected one folder per "
                "split. Rename or move one of them."
            )
        if split:
            found[split] = one
    if not found or _all_classes(inside):
        return {"train": folder}
    if "train" in found or (not to_train and len(found) == len(inside)):
        return found
    if len(found) == len(inside):
        raise DataError(
            f"{folder} has {' and '.join(d.name for d in found.values())} but no train; expected "
            "a training split. Add a folder named train."
        )
    return {"train": folder}


def _all_classes(folders: list[Path]) -> bool:
    """Whether folders are classes, the one named train too: all hold images, one has another name.

    Names such as test1 and unlabeled are those of splits as well.
    """
    names = [re.sub(r"[\d_-]+$", "", one.name.lower()) for one in folders]
    other = [name for name in names if name not in SPLIT_NAMES and name not in UNLABELLED]
    direct = all(holds_images(one) and not folders_in(one) for one in folders)
    return "train" in names and bool(other) and direct


def holds_images(folder: Path) -> bool:
    """Whether a folder holds images itself."""
    return any(is_image(file) for file in folder.iterdir())
