"""Targets of classification: one class per image, or none."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from canon.data.targets.base import Values, require_same_count, require_two_classes
from canon.errors import DataError


def from_one(source: str, high: int) -> DataError:
    """The error for labels that begin at 1."""
    return DataError(
        f"{source} has labels from 1 to {high}; expected labels from 0. Lower them by 1."
    )


@dataclass(frozen=True)
class Labels(Values):
    """One class for each image.

    Args:
        values: (N,) int64 class indices.
        classes: their names.
    """

    kind: ClassVar[str] = "label"

    @property
    def outputs(self) -> int:  # type: ignore[override]
        """One for each class."""
        return len(self.classes)

    def strata(self) -> NDArray[np.int64]:
        return self.values

    def stratum_name(self, stratum: int) -> str:
        return f"class {self.classes[stratum]!r}"

    def counts(self) -> NDArray[np.int64]:
        """(K,) images of each class."""
        return np.bincount(self.values, minlength=len(self.classes))

    def reordered(self, classes: tuple[str, ...]) -> Self:
        present = self.counts()
        unknown = [name for name, count in zip(self.classes, present, strict=True)
                   if count and name not in classes]  # fmt: skip
        if unknown:
            raise DataError(
                f"the data has classes that the run does not know: {', '.join(unknown[:5])}; "
                f"expected {', '.join(classes[:5])}{', ...' if len(classes) > 5 else ''}. Rename "
                "the folders, or evaluate a run trained on these classes."
            )
        places = np.array([classes.index(c) if c in classes else 0 for c in self.classes], np.int64)
        return replace(self, values=places[self.values], classes=classes)

    def validate(self, source: str, split: str, images: int, *, to_train: bool = True) -> None:
        """Every class needs training images; other splits may lack classes."""
        require_same_count(source, split, images, len(self), "label")
        if not images:
            raise DataError(
                f"{source} has no {split} image; expected one or more. Add images, or remove the "
                "split."
            )
        if not to_train:
            return
        require_two_classes(source, self.classes)
        missing = [c for c, count in zip(self.classes, self.counts(), strict=True) if not count]
        if split == "train" and missing == ["0"] and self.classes[-1] == str(len(self.classes) - 1):
            raise from_one(source, len(self.classes) - 1)
        if missing and split == "train":
            raise DataError(
                f"{source}: no train image of class {', '.join(map(repr, missing[:5]))}; expected "
                "one or more of every class. Add images, or remove the class."
            )


@dataclass(frozen=True)
class Unlabelled(Values):
    """Images without targets: zeros in their place."""

    kind: ClassVar[str] = "none"
    outputs: ClassVar[int] = 0

    def validate(self, source: str, split: str, images: int, *, to_train: bool = True) -> None:  # noqa: ARG002
        """Check that there is one entry for each image."""
        require_same_count(source, split, images, len(self), "target")
