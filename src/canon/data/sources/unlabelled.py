"""Images without labels: a flat folder, or an array."""

from pathlib import Path
from typing import Any

import numpy as np

from canon.data.dataset import Dataset, Split
from canon.data.images.collection import ArrayImages, FileImages, Images
from canon.data.images.listing import files_in, folders_in
from canon.data.images.reader import is_image
from canon.data.sources.arrays import checked_images, read_npz
from canon.data.sources.split_folders import holds_images
from canon.data.targets.labels import Unlabelled


def unlabelled(source: str, images: Images, ignored: tuple[Path, ...] = ()) -> Dataset:
    """A dataset of images without labels, as one split."""
    targets = Unlabelled(np.zeros(len(images), np.int64))
    return Dataset(source, {"train": Split(images, targets)}, ignored)


def open_flat_folder(folder: Path) -> Dataset | None:
    """All images below a folder that holds images itself, or a folder `images` of them.

    None where only other folders hold images, which are classes or splits.
    """
    if (folder / "run.json").is_file():  # refused by name
        return None
    inside = {one.name.lower(): one for one in folders_in(folder)}
    if "images" in inside and inside.keys() <= {"images", "masks"}:
        files = files_in(inside["images"])
    elif holds_images(folder):
        files = files_in(folder)
    else:
        return None
    images = FileImages.of(file for file in files if is_image(file))
    return unlabelled(str(folder), images, tuple(file for file in files if not is_image(file)))


def from_images(images: Any) -> Dataset:
    """A dataset of an array of images in memory.

    Raises:
        DataError: it has the wrong type or shape.
    """
    pixels = checked_images(np.asarray(images), Path("the array"))
    return unlabelled("arrays", ArrayImages.of(pixels))


def open_unlabelled_npz(path: Path) -> Dataset | None:
    """The images `x_train` of an npz without `y_train`, or its only array; None if it has labels.

    Raises:
        DataError: it cannot be read, or its array is no stack of images.
    """
    arrays = read_npz(path)
    if "y_train" in arrays or not arrays:
        return None
    name = "x_train" if "x_train" in arrays else next(iter(arrays))
    if name != "x_train" and len(arrays) > 1:
        return None
    return unlabelled(str(path), ArrayImages.of(checked_images(arrays[name], path)))
