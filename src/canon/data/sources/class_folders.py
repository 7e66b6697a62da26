"""A folder of class folders, split or not."""

import re
from pathlib import Path

import numpy as np

from canon.data.dataset import SPLITS, Dataset, Split
from canon.data.images.collection import FileImages
from canon.data.images.listing import composed, files_in, folders_in, image_files, is_hidden
from canon.data.images.reader import is_image
from canon.data.sources.split_folders import holds_images, split_folders
from canon.data.targets.labels import Labels
from canon.errors import DataError

# Folders of masks, by names that other programs give them.
# fmt: off
MASKS = {
    "mask", "masks", "label", "labels", "annot", "annotation", "annotations", "manual",
    "segmentation", "segmentationclass", "groundtruth", "gt", "target", "targets",
}
PHOTOS = {"image", "images", "img", "imgs", "photo", "photos", "jpegimages"}
# fmt: on

Files = dict[str, list[Path]]  # of each class


def open_class_folders(folder: Path, *, to_train: bool = True) -> Dataset:
    """A folder of class folders, or of train, val and test folders of them.

    A class is a folder; its images are all image files below it. Those of train are the classes;
    val and test may lack classes, but not add any.

    Args:
        folder: the dataset.
        to_train: whether there must be a training split.

    Raises:
        DataError: an empty folder, images without class folders, a class folder without images,
            or a split with a class that train lacks.
    """
    folders = split_folders(folder, to_train=to_train)
    others = [] if folders == {"train": folder} else folders_in(folder)
    ignored = [d for d in others if d not in folders.values()]
    ignored += [f for f in folder.iterdir() if f.is_file() and not is_hidden(f.name)]
    for place in dict.fromkeys((folder, *folders.values())):
        _require_no_masks(place, folders_in(place))
    if folders == {"train": folder}:
        _require_no_folder_above(folder)
    listed: dict[str, Files] = {}
    for split in SPLITS:
        inside = folders_in(folders[split]) if split in folders else []
        if split not in folders:
            continue
        if not inside and split != "train":  # a challenge's test images have no labels
            ignored += image_files(folders[split])
        else:
            listed[split] = _class_files(folders[split])
    if not listed:
        raise DataError(
            f"{folder} holds no images with class folders; expected one folder of images for each "
            "class. Sort the images into folders named after their classes."
        )
    classes = _classes(folder, listed)
    splits = {
        split: _split(folders[split], files, classes, whole=split == "train" and to_train)
        for split, files in listed.items()
    }
    ignored += [
        f for files in listed.values() for c in files.values() for f in c if not is_image(f)
    ]
    return Dataset(str(folder), splits, tuple(ignored))


def _class_files(folder: Path) -> Files:
    classes: Files = {}
    for one in folders_in(folder):  # two forms of one name, composed and decomposed, are one class
        classes.setdefault(composed(one.name), []).extend(files_in(one))
    if not classes:
        loose = len(image_files(folder))
        holds = f"holds {loose} images but no class folders" if loose else "holds no images"
        raise DataError(
            f"{folder} {holds}; expected one folder of images for each class. "
            "Sort the images into folders named after their classes."
        )
    return classes


def _classes(folder: Path, listed: dict[str, Files]) -> tuple[str, ...]:
    """The classes of the training split, or of all if there is none."""
    if "train" not in listed:
        return tuple(sorted({name for files in listed.values() for name in files}))
    classes = tuple(listed["train"])
    for split, files in listed.items():
        extra = sorted(
            name for name in files if name not in classes and any(map(is_image, files[name]))
        )
        if extra:
            raise DataError(
                f"{folder}: {split} adds {', '.join(map(repr, extra[:5]))}; expected no class "
                "folder that train does not have. Rename or move the folders."
            )
    return classes


def _require_no_folder_above(folder: Path) -> None:
    """Refuse a folder with a single folder, which holds the class folders."""
    inside = folders_in(folder)
    if len(inside) == 1 and any(map(holds_images, folders_in(inside[0]))):
        raise DataError(
            f"{folder} has one class only, {inside[0].name!r}, whose folders look like classes; "
            f"expected class folders. Did you mean {inside[0]}?"
        )


def _split(folder: Path, files: Files, classes: tuple[str, ...], *, whole: bool) -> Split:
    """A split; a whole one has an image of every class."""
    images = [[f for f in files.get(name, ()) if is_image(f)] for name in classes]
    empty = [name for name, of_class in zip(classes, images, strict=True) if not of_class]
    if empty and whole:
        raise DataError(
            f"{folder / empty[0]} holds no images; expected at least one. "
            "Add images of the class or delete the folder."
        )
    labels = np.repeat(np.arange(len(classes)), [len(of_class) for of_class in images])
    return Split(
        FileImages(tuple(f for of_class in images for f in of_class)),
        Labels(labels.astype(np.int64), classes),
    )


def _require_no_masks(folder: Path, folders: list[Path]) -> None:
    """Refuse folders of images and of masks, which are not classes.

    Raises:
        DataError: names or files say that one folder holds the masks of another.
    """
    words = {d.name: re.split(r"[\W_\d]+", d.name.lower()) for d in folders}
    masks = [name for name, parts in words.items() if MASKS & {*parts}]
    photos = [name for name, parts in words.items() if PHOTOS & {*parts} and name not in masks]
    named = {name.lower() for name in words}
    joined = [name for name in words for other in named
              if (rest := name.lower().removeprefix(other)) != name.lower()
              and rest.strip("_-") in MASKS]  # fmt: skip
    if (photos and masks) or joined:
        raise DataError(
            f"{folder} looks like images and masks: {(masks or joined)[0]} and "
            f"{(photos or [folders[0].name])[0]}; expected folders images and masks with files of "
            "the same names. Rename the folders, or, if they are classes, give them other names."
        )
