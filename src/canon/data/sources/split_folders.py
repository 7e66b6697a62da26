"""Folders named train, val and test."""

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
    """Whether folders hold images themselves, the one named train too."""
    named = {SPLIT_NAMES.get(one.name.lower()): one for one in folders}
    train = named.get("train")
    if train is None or len(folders) < 2:
        return False
    return holds_images(train) and not folders_in(train)


def holds_images(folder: Path) -> bool:
    """Whether a folder holds images itself."""
    return any(is_image(file) for file in folder.iterdir())
