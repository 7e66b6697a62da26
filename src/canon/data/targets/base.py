"""What each sample of a split is to be predicted as."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from canon.errors import DataError


class Targets(Protocol):
    """The targets of a split: a label, a mask or nothing for each image."""

    kind: ClassVar[str]  # "label", "mask", "none"; what a task requires

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices; empty where there are none."""

    @property
    def outputs(self) -> int:
        """Outputs that a network needs to predict them."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold them; empty where no file does."""

    def __len__(self) -> int: ...

    def select(self, index: NDArray[np.int64]) -> Self:
        """The targets at these positions, in this order."""

    def joined(self, other: Any) -> Self:
        """These targets, then the other ones of the same kind."""

    def strata(self) -> NDArray[np.int64]:
        """(N,) group of each sample; a stratified hold-out takes the same share of each."""

    def stratum_name(self, stratum: int) -> str:
        """What a message calls such a group, such as "class 'cat'"."""

    def reordered(self, classes: tuple[str, ...]) -> Self:
        """The same targets with class indices in the order of other names.

        Raises:
            DataError: a class has no place among them.
        """

    def validate(self, source: str, split: str, images: int, *, to_train: bool = True) -> None:
        """Check the targets against the images of their split.

        Args:
            source: of the dataset.
            split: its name.
            images: how many it has.
            to_train: whether a network is to be trained on the dataset.

        Raises:
            DataError: there are too few classes, or targets and images differ in number.
        """

    def record(self) -> dict[str, Any]:
        """What run.json records of them, besides the names of the classes."""


@dataclass(frozen=True)
class Values:
    """Targets in memory: one entry of an array for each image.

    A subclass sets `kind` and `outputs`.
    """

    kind: ClassVar[str]
    outputs: ClassVar[int]
    values: NDArray[Any]
    classes: tuple[str, ...] = ()
    files: ClassVar[tuple[Path, ...]] = ()

    def __len__(self) -> int:
        return len(self.values)

    def select(self, index: NDArray[np.int64]) -> Self:
        """The targets at these positions, in this order."""
        return replace(self, values=self.values[index])

    def joined(self, other: Self) -> Self:
        """These values, then the other ones."""
        return replace(self, values=np.concatenate([self.values, other.values]))

    def strata(self) -> NDArray[np.int64]:
        """One group."""
        return np.zeros(len(self), np.int64)

    def stratum_name(self, stratum: int) -> str:  # noqa: ARG002
        """The whole dataset."""
        return "the dataset"

    def reordered(self, classes: tuple[str, ...]) -> Self:  # noqa: ARG002
        """The same: there are no classes to number."""
        return self

    def validate(self, source: str, split: str, images: int, *, to_train: bool = True) -> None:  # noqa: ARG002
        """Check that there is one target for each image."""
        require_same_count(source, split, images, len(self), self.kind)

    def record(self) -> dict[str, Any]:
        """The kind."""
        return {"kind": self.kind}


def require_same_count(source: str, split: str, images: int, targets: int, kind: str) -> None:
    """Raise a DataError where a split has more images than targets, or fewer."""
    if images != targets:
        raise DataError(
            f"{source} has {images} {split} images but {targets} {kind}s; expected one {kind} for "
            "each image. Check that the images and their targets belong together."
        )


def require_two_classes(source: str, classes: tuple[str, ...]) -> None:
    """Raise a DataError for a dataset of a single class."""
    if len(classes) < 2:
        raise DataError(
            f"{source} has one class only, {classes[0]!r}; expected two or more. "
            "Add a folder or labels of another class."
        )
