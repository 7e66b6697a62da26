"""A dataset: images and targets in one to three splits."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon.errors import DataError

if TYPE_CHECKING:
    from canon.data.targets.mask_codes import MaskCodes
from canon.data.types import Pixels

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """One split: labels, and the images as an array or as files, in the same order.

    Args:
        labels: (N,) int64 class indices; all 0 where masks have the classes.
        images: (N, H, W, C) uint8 or uint16, or None.
        files: N paths, or none.
        masks: N paths of files with a class for each pixel, or none.
    """

    labels: NDArray[np.int64]
    images: Pixels | None = None
    files: tuple[Path, ...] = ()
    masks: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, index: NDArray[np.int64]) -> "Split":
        """The samples at these positions, in this order."""
        images = None if self.images is None else self.images[index]
        files = tuple(self.files[i] for i in index) if self.files else ()
        masks = tuple(self.masks[i] for i in index) if self.masks else ()
        return Split(self.labels[index], images, files, masks)


@dataclass(frozen=True)
class Dataset:
    """What `open_data` gives.

    Args:
        source: the name or the path it was opened by.
        classes: their names, in the order of the labels.
        parts: the splits that the source has, of train, val and test.
        ignored: files in the source that are not images, or in no split; left out.
        masks: what the values of mask files mean; None if an image has one label.
    """

    source: str
    classes: tuple[str, ...]
    parts: dict[str, Split] = field(default_factory=dict)
    ignored: tuple[Path, ...] = ()
    masks: "MaskCodes | None" = None

    @property
    def dense(self) -> bool:
        """Whether each pixel has a class, rather than each image."""
        return self.masks is not None

    @property
    def name(self) -> str:
        """A short name for run folders."""
        return Path(self.source).name.split(".")[0] or "data"

    def without(self, bad: set[Path]) -> "Dataset":
        """The set less these files; a pair of image and mask goes if one of them does."""
        parts = {}
        for name, part in self.parts.items():
            pairs = zip(part.files, part.masks or part.files, strict=True)
            keep = [i for i, pair in enumerate(pairs) if bad.isdisjoint(pair)]
            parts[name] = part.select(np.array(keep, np.int64)) if part.files else part
        return replace(self, parts=parts)


def validate(data: Dataset) -> Dataset:
    """The set, if it can be trained and evaluated on.

    Raises:
        DataError: one class only, labels or masks and images that differ in number, a class
            without an image, a split without some of the classes of another, or without any pair.
    """
    for name, part in data.parts.items():
        count = len(part.files) if part.images is None else len(part.images)
        if count != len(part):
            raise DataError(
                f"{data.source} has {count} {name} images but {len(part)} labels; expected as many "
                "of both. Check that the two files belong together."
            )
        if data.dense and not 0 < count == len(part.masks):
            raise DataError(
                f"{data.source} has {count} {name} images and {len(part.masks)} masks; expected "
                "one pair or more. Add the missing ones."
            )
    if len(data.classes) < 2:
        raise DataError(
            f"{data.source} has one class only, {data.classes[0]!r}; expected two or more. "
            "Add a folder or labels of another class."
        )
    return data if data.dense else _every_class(data)


def _every_class(data: Dataset) -> Dataset:
    for name, part in data.parts.items():
        present = np.bincount(part.labels, minlength=len(data.classes)) > 0
        missing = [c for c, there in zip(data.classes, present, strict=True) if not there]
        if missing:
            raise DataError(
                f"{data.source}: no {name} image of class {', '.join(map(repr, missing[:5]))}; "
                "expected every split to have every class. Add images or take the class out."
            )
    return data
