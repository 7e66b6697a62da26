"""A dataset: images and targets in one to three splits."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from canon.data.images.collection import Images
from canon.data.targets.base import Targets

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """One split: images and what each is to be predicted as, in the same order."""

    images: Images
    targets: Targets

    def __len__(self) -> int:
        return len(self.images)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the split: images, then masks."""
        return (*self.images.files, *self.targets.files)

    def select(self, index: NDArray[np.int64]) -> "Split":
        """The samples at these positions, in this order."""
        return Split(self.images.select(index), self.targets.select(index))


@dataclass(frozen=True)
class Dataset:
    """What `open_data` gives.

    Args:
        source: the name or the path it was opened by.
        splits: those that the source has, by name: train, val and test.
        ignored: files in the source that are not images, or in no split; left out.
        notes: sentences on how the source was read, for the user to check.
    """

    source: str
    splits: dict[str, Split] = field(default_factory=dict)
    ignored: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> Targets:
        """The targets of the training split, which has every class, or of the first there is."""
        return next(self.splits[name].targets for name in SPLITS if name in self.splits)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.targets.classes

    @property
    def name(self) -> str:
        """A short name for run folders."""
        return Path(self.source).name.split(".")[0] or "data"

    @property
    def sizes(self) -> dict[str, int]:
        """Samples in each split."""
        return {name: len(split) for name, split in self.splits.items()}

    def joined(self) -> Split:
        """All splits as one, in their order."""
        splits = [self.splits[name] for name in SPLITS if name in self.splits]
        first, *others = splits
        images, targets = first.images, first.targets
        for split in others:
            images, targets = images.joined(split.images), targets.joined(split.targets)
        return Split(images, targets)

    def without(self, bad: set[Path]) -> "Dataset":
        """The dataset without these files; an image and its mask are left out together."""
        splits = {}
        for name, split in self.splits.items():
            images = split.images.files
            samples = zip(images, split.targets.files or images, strict=True)
            keep = [i for i, files in enumerate(samples) if bad.isdisjoint(files)]
            splits[name] = split.select(np.array(keep, np.int64)) if images else split
        return replace(self, splits=splits)


def validate(data: Dataset, *, to_train: bool = True) -> Dataset:
    """The dataset, if it can be evaluated on, and trained on if it must be.

    Raises:
        DataError: targets and images that differ in number, or a split without any sample; to
            train, one class only, or a class without a training image.
    """
    for name, split in data.splits.items():
        split.targets.validate(data.source, name, len(split.images), to_train=to_train)
    return data
