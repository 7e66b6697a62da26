"""The deformation of a batch of crops: where each of their pixels lies in its image.

A place is a row and a column in pixels, whole numbers at the centres of pixels.
"""

from dataclasses import dataclass
from math import radians
from typing import Annotated

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from canon.errors import InputError

Positions = Annotated[Tensor, "(B, S, S, 2) float32, row and column in pixels"]
AffineMaps = Annotated[Tensor, "(B, 2, 2) float32, a crop's (row, column) to its image's"]
ControlPoints = Annotated[
    Tensor, "(B, 2, g, g) float32, displaced rows and columns in pixels of the crop"
]

# The largest |displacement| between knots, in those at the knots: in each direction the four
# weights of bicubic interpolation are at most 19/32, 19/32, -3/32 and -3/32.
OVERSHOOT = (2 * 19 / 32 + 2 * 3 / 32) ** 2


@dataclass(frozen=True)
class Deformation:
    """What is done to training images and their masks alike.

    Args:
        flip: mirror half of them, left to right.
        upright: images have an up. Otherwise, as under a microscope, `flip` is any of the eight
            mirrors and quarter turns.
        scale: smallest and largest enlargement.
        rotate: largest angle in degrees, to either side.
        elastic: standard deviation of the displacements at the points of a coarse grid, in pixels
            of the crop; between them they are interpolated bicubically, as in U-Net.
        grid: points of that grid a side; the outermost are the corners of the crop.
        crop: at random; otherwise the centre.

    Raises:
        InputError: a number that cannot be used.
    """

    flip: bool = True
    upright: bool = True
    scale: tuple[float, float] = (1.0, 1.0)
    rotate: float = 0.0
    elastic: float = 0.0
    grid: int = 3
    crop: bool = True

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high < float("inf"):
            raise InputError(
                f"the scales {low} to {high} cannot be used; expected two numbers above 0, the "
                "smaller first. Give 1 and 1 to leave sizes alone."
            )
        for name, value in (("rotate", self.rotate), ("elastic", self.elastic)):
            if not 0 <= value < float("inf"):
                raise InputError(
                    f"{name} {value} cannot be used; expected a finite number of 0 or more. Give 0 "
                    "to leave it out."
                )
        if self.grid < 2:
            raise InputError(
                f"a grid of {self.grid} points a side has no corners; expected 2 or more. Give 3, "
                "as U-Net has."
            )

    @property
    def bends(self) -> bool:
        """Whether pixels come to lie between those of the image, and are interpolated."""
        low, high = self.scale
        return not low == high == 1 or self.rotate > 0 or self.elastic > 0

    @property
    def random(self) -> bool:
        """Whether it depends on a seed."""
        varied = self.scale[0] < self.scale[1]
        return self.crop or self.flip or varied or self.rotate > 0 or self.elastic > 0

    def maps(self, count: int, draw: Generator) -> AffineMaps:
        """Mirrors, turns, rotations and scales of some crops, about their centres."""
        (low, high), chance = self.scale, torch.rand(2, count, generator=draw)
        scale = low + (high - low) * chance[0]
        angle = radians(self.rotate) * (2 * chance[1] - 1)
        cos, sin = angle.cos() / scale, angle.sin() / scale
        maps = torch.stack([cos, -sin, sin, cos], -1).reshape(count, 2, 2)
        if not self.flip:
            return maps
        up, left, turned = torch.randint(2, (3, count), generator=draw)
        maps[:, 1] *= 1 - 2 * left[:, None]
        if self.upright:
            return maps
        maps[:, 0] *= 1 - 2 * up[:, None]
        return torch.where(turned.bool()[:, None, None], maps.flip(1), maps)  # rows for columns

    def knots(self, count: int, draw: Generator) -> ControlPoints:
        """Displacements of some crops at the points of the coarse grid."""
        return self.elastic * torch.randn(count, 2, self.grid, self.grid, generator=draw)

    def places(
        self, side: int, maps: AffineMaps, centres: Tensor, knots: ControlPoints
    ) -> Positions:
        """Where each pixel of some crops is.

        Args:
            side: of the crops in pixels.
            maps: about their centres.
            centres: (B, 2) rows and columns of the centres.
            knots: displacements, before the maps.
        """
        line = torch.arange(side, device=maps.device) - (side - 1) / 2
        row, column = line[:, None], line[None, :]
        if self.elastic:
            ways = cubic_weights(self.grid, side).to(knots.device)
            moved = ways @ knots @ ways.T  # (B, 2, S, S)
            row, column = row + moved[:, 0], column + moved[:, 1]
        # Written out: some devices compute matrix products with fewer digits.
        of_row, of_column = maps[..., 0, None, None], maps[..., 1, None, None]
        return torch.stack(
            [
                of_row[:, i] * row + of_column[:, i] * column + centres[:, i, None, None]
                for i in (0, 1)
            ],
            -1,
        )


def cubic_weights(knots: int, side: int) -> Tensor:
    """What each knot on a line adds to each pixel, bicubic's one dimension. Shape: (S, g)."""
    each = torch.eye(knots)[None, None]
    return F.interpolate(each, (side, knots), mode="bicubic", align_corners=True)[0, 0]


def max_reach(side: int, maps: AffineMaps, knots: ControlPoints) -> float:
    """How far, in rows or columns, any pixel of the crops is from its crop's centre, at most."""
    within = (side - 1) / 2 + OVERSHOOT * float(knots.abs().max())
    return within * float(maps.abs().sum(-1).max())


def sample_bilinear(windows: Tensor, places: Positions) -> Tensor:
    """Values between pixels, bilinear. Shape: (B, N, N, C) -> (B, S, S, C) float32."""
    grid = places.flip(-1) * (2 / (windows.shape[1] - 1)) - 1  # columns first, -1 to 1
    x = windows.permute(0, 3, 1, 2).float()
    return F.grid_sample(x, grid, padding_mode="border", align_corners=True).permute(0, 2, 3, 1)


def sample_nearest(windows: Tensor, places: Positions) -> Tensor:
    """Values of the nearest pixels. Shape: (B, N, N, ...) -> (B, S, S, ...) of the same type."""
    side = windows.shape[1]
    row, column = places.round().clamp(0, side - 1).long().unbind(-1)
    each = torch.arange(len(windows), device=windows.device)[:, None, None]
    return windows.flatten(0, 2)[(each * side + row) * side + column]  # one index is fastest
