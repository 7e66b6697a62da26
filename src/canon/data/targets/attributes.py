"""Targets of generation: what each picture shows, and where."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from canon.data.targets.base import Values

VIEW = "sin azimuth", "cos azimuth", "sin elevation", "cos elevation"
# fmt: off
TRANSFORMATION = (
    "red", "green", "blue", "saturation", "brightness", "zoom", "stretch", "aspect",
    "shift x", "shift y", "sin rotation", "cos rotation",
)
# fmt: on


@dataclass(frozen=True)
class Attributes(Values):
    """Class, view and transformation of each picture, and the mask of what it shows.

    Args:
        values: (N, K + 16) float32: a one-hot code of the class, the view, the transformation.
        classes: their names.
        masks: (N, H, W) uint8, 255 where the object is.
    """

    kind: ClassVar[str] = "attributes"
    outputs: ClassVar[int] = 4
    masks: NDArray[np.uint8] = None  # type: ignore[assignment]

    @property
    def length(self) -> int:
        """Values of a picture."""
        return int(self.values.shape[1])

    def select(self, index: NDArray[np.int64]) -> Self:
        return replace(self, values=self.values[index], masks=self.masks[index])

    def joined(self, other: Self) -> Self:
        values = np.concatenate([self.values, other.values])
        return replace(self, values=values, masks=np.concatenate([self.masks, other.masks]))


def encode(
    number: int,
    classes: int,
    azimuth: float,
    elevation: float,
    transformation: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The attributes of one picture.

    Args:
        number: of the class.
        classes: K.
        azimuth: of the camera, degrees.
        elevation: of the camera above the ground, degrees.
        transformation: (12,) as named above.

    Shape: (K + 16,)
    """
    a, e = np.radians([azimuth, elevation])
    view = [np.sin(a), np.cos(a), np.sin(e), np.cos(e)]
    return np.concatenate([np.eye(classes)[number], view, transformation]).astype(np.float32)


def plain_transformation(red: float, green: float, blue: float) -> NDArray[np.float32]:
    """A colour, and nothing else changed."""
    return np.array([red, green, blue, 1, 1, 1, 1, 1, 0, 0, 0, 1], np.float32)
