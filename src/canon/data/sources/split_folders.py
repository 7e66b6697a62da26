"""Folders named train, val and test."""

from pathlib import Path

from canon.data.images.listing import folders_in
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


def split_folders(folder: Path) -> dict[str, Path]:
    """The folders of the splits, or the folder itself as the training split.

    Raises:
        DataError: two folders name the same split, or there is no training split.
    """
    found: dict[str, Path] = {}
    for inside in folders_in(folder):
        split = SPLIT_NAMES.get(inside.name.lower())
        if split in found:
            raise DataError(
                f"{folder} has {found[split].name} and {inside.name}; expected one folder per "
                "split. Rename or move one of them."
            )
        if split:
            found[split] = inside
    if "train" in found or not found:
        return found or {"train": folder}
    if len(found) == len(folders_in(folder)):
        raise DataError(
            f"{folder} has {' and '.join(d.name for d in found.values())} but no train; expected "
            "a training split. Add a folder named train."
        )
    return {"train": folder}
