"""Targets of generation: what each picture shows, and where."""

from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from canon.data.targets.base import Values
from canon.errors import InputError

VIEW = "sin azimuth", "cos azimuth", "sin elevation", "cos elevation"
# fmt: off
TRANSFORMATION = (
    "red", "green", "blue", "saturation", "brightness", "zoom", "stretch", "aspect",
    "shift x", "shift y", "sin rotation", "cos rotation",
)
# fmt: on
FACTORS = TRANSFORMATION[3:8]


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
    require_finite(azimuth=azimuth, elevation=elevation)
    a, e = np.radians([azimuth, elevation])
    view = [np.sin(a), np.cos(a), np.sin(e), np.cos(e)]
    return np.concatenate([np.eye(classes)[number], view, transformation]).astype(np.float32)


@dataclass(frozen=True)
class Transformation:
    """The colour of an object, and how its picture is changed.

    Args:
        color: red, green and blue, fractions.
        saturation: of the colour, as a factor.
        brightness: of the colour, as a factor.
        zoom: size of the object, as a factor.
        stretch: width and height in the picture, as a factor.
        aspect: width, as a factor, by which the height is divided.
        shift: to the right and down, as fractions of the side.
        rotation: in the plane of the picture, degrees.
    """

    color: tuple[float, float, float] = (0.75, 0.4, 0.3)
    saturation: float = 1.0
    brightness: float = 1.0
    zoom: float = 1.0
    stretch: float = 1.0
    aspect: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0

    def values(self) -> NDArray[np.float32]:
        """(12,) in the order of `TRANSFORMATION`.

        Raises:
            InputError: a value out of range.
        """
        if len(self.color) != 3 or not all(0 <= value <= 1 for value in self.color):
            raise InputError(
                f"the colour is {self.color}; expected three fractions from 0 to 1. Pass --color "
                "0.8 0.4 0.3."
            )
        factors = {name: getattr(self, name) for name in FACTORS}
        for name, value in factors.items():
            if not 0 < value < inf:
                raise InputError(f"--{name} is {value}; expected a factor above 0. Pass 1.")
        if len(self.shift) != 2 or not np.isfinite(self.shift).all():
            raise InputError(f"--shift is {self.shift}; expected two fractions. Pass 0 0.")
        require_finite(rotation=self.rotation)
        turn = np.radians(self.rotation)
        values = [*self.color, *factors.values(), *self.shift, np.sin(turn), np.cos(turn)]
        return np.array(values, np.float32)


def require_finite(**angles: float) -> None:
    """Raise an InputError for an angle that is not finite."""
    for name, value in angles.items():
        if not isfinite(value):
            raise InputError(f"--{name} is {value}; expected degrees. Pass --{name} 0.")
