"""A folder of class folders, split or not."""

from pathlib import Path

import numpy as np

from canon.data.dataset import Dataset, Split
from canon.data.images.listing import files_in, folders_in, image_files
from canon.data.images.reader import is_image
from canon.data.sources.split_folders import split_folders
from canon.errors import DataError


def open_class_folders(folder: Path) -> Dataset:
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
    parts: dict[str, Split] = {}
    ignored: list[Path] = beside
    for split, files in listed.items():
        _same_classes(folder, classes, split, tuple(files))
        parts[split] = _split(
            splits[split], {c: [f for f in files[c] if is_image(f)] for c in classes}
        )
        ignored += [f for c in classes for f in files[c] if not is_image(f)]
    return Dataset(str(folder), classes, parts, tuple(ignored))


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


def _split(folder: Path, files: dict[str, list[Path]]) -> Split:
    empty = [name for name, images in files.items() if not images]
    if empty:
        raise DataError(
            f"{folder / empty[0]} holds no images; expected at least one. "
            "Add images of the class or delete the folder."
        )
    labels = np.repeat(np.arange(len(files)), [len(images) for images in files.values()])
    return Split(
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
