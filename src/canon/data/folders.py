"""Folders of class folders, split or not, and flat folders of images."""

from pathlib import Path

import numpy as np

from canon.data.dataset import Dataset, Part
from canon.data.reader import is_image
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


def open_folder(folder: Path) -> Dataset:
    """A folder of class folders, or of train, val and test folders of them.

    A class is a folder; its images are all image files below it.

    Raises:
        DataError: an empty folder, images without class folders, a class folder without images,
            or splits whose classes differ.
    """
    splits = split_folders(folder)
    beside = [] if splits == {"train": folder} else folders_in(folder)
    beside = [d for d in beside if d not in splits.values()]
    listed = {
        split: _class_files(splits[split]) for split in ("train", "val", "test") if split in splits
    }
    classes = tuple(listed["train"])
    parts: dict[str, Part] = {}
    ignored: list[Path] = beside
    for split, files in listed.items():
        _same_classes(folder, classes, split, tuple(files))
        parts[split] = _part(
            splits[split], {c: [f for f in files[c] if is_image(f)] for c in classes}
        )
        ignored += [f for c in classes for f in files[c] if not is_image(f)]
    return Dataset(str(folder), classes, parts, tuple(ignored))


def split_folders(folder: Path) -> dict[str, Path]:
    """The folders of the splits, or the folder itself as the training images.

    Raises:
        DataError: two folders for one split, or splits without one to train on.
    """
    found: dict[str, Path] = {}
    for inside in folders_in(folder):
        split = SPLIT_NAMES.get(inside.name.lower())
        if split in found:
            raise DataError(
                f"{folder} has {found[split].name} and {inside.name}; expected one folder for each "
                "split. Rename or move one of them."
            )
        if split:
            found[split] = inside
    if "train" in found or not found:
        return found or {"train": folder}
    if len(found) == len(folders_in(folder)):
        raise DataError(
            f"{folder} has {' and '.join(d.name for d in found.values())} but no train; expected "
            "images to train on. Add a folder train."
        )
    return {"train": folder}


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, in the order of their names."""
    return [f for f in files_in(folder) if is_image(f)]


def _class_files(folder: Path) -> dict[str, list[Path]]:
    classes = {d.name: files_in(d) for d in folders_in(folder)}
    if not classes:
        loose = len(image_files(folder))
        holds = f"holds {loose} images but no class folders" if loose else "holds no images"
        raise DataError(
            f"{folder} {holds}; expected one folder of images for each class. "
            "Sort the images into folders named after their classes."
        )
    return classes


def _part(folder: Path, files: dict[str, list[Path]]) -> Part:
    empty = [name for name, images in files.items() if not images]
    if empty:
        raise DataError(
            f"{folder / empty[0]} holds no images; expected at least one. "
            "Add images of the class or delete the folder."
        )
    labels = np.repeat(np.arange(len(files)), [len(images) for images in files.values()])
    return Part(
        labels.astype(np.int64), files=tuple(f for images in files.values() for f in images)
    )


def _same_classes(
    folder: Path, classes: tuple[str, ...], split: str, others: tuple[str, ...]
) -> None:
    missing, extra = sorted(set(classes) - set(others)), sorted(set(others) - set(classes))
    if missing or extra:
        lacks = [f"lacks {', '.join(map(repr, missing[:5]))}"] if missing else []
        adds = [f"adds {', '.join(map(repr, extra[:5]))}"] if extra else []
        raise DataError(
            f"{folder}: {split} {' and '.join(lacks + adds)}; expected the same class folders as "
            "in train. Rename or move the folders."
        )


def folders_in(folder: Path) -> list[Path]:
    """The folders directly inside one, without hidden ones, in the order of their names."""
    return sorted(d for d in folder.iterdir() if d.is_dir() and not d.name.startswith("."))


def files_in(folder: Path) -> list[Path]:
    """All files below a folder, without hidden ones, in the order of their names."""
    found = (f for f in folder.rglob("*") if f.is_file())
    return sorted(
        f for f in found if not any(p.startswith(".") for p in f.relative_to(folder).parts)
    )
