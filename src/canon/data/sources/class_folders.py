"""A folder of class folders, split or not."""

from pathlib import Path

import numpy as np

from canon.data.dataset import SPLITS, Dataset, Split
from canon.data.images.collection import FileImages
from canon.data.images.listing import files_in, folders_in, image_files
from canon.data.images.reader import is_image
from canon.data.sources.split_folders import split_folders
from canon.data.targets.labels import Labels
from canon.errors import DataError


def open_class_folders(folder: Path) -> Dataset:
    """A folder of class folders, or of train, val and test folders of them.

    A class is a folder; its images are all image files below it.

    Raises:
        DataError: an empty folder, images without class folders, a class folder without images,
            or splits whose classes differ.
    """
    folders = split_folders(folder)
    others = [] if folders == {"train": folder} else folders_in(folder)
    others = [d for d in others if d not in folders.values()]
    listed = {split: _class_files(folders[split]) for split in SPLITS if split in folders}
    classes = tuple(listed["train"])
    splits: dict[str, Split] = {}
    ignored: list[Path] = others
    for split, files in listed.items():
        _same_classes(folder, classes, split, tuple(files))
        images = {c: [f for f in files[c] if is_image(f)] for c in classes}
        splits[split] = _split(folders[split], images)
        ignored += [f for c in classes for f in files[c] if not is_image(f)]
    return Dataset(str(folder), splits, tuple(ignored))


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
    images = FileImages(tuple(f for inside in files.values() for f in inside))
    return Split(images, Labels(labels.astype(np.int64), tuple(files)))


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
