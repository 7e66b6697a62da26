"""Geometric augmentation of crops: the position of each of their pixels in the image.

A position is a row and a column in pixels; integers are the centers of pixels.
"""

from dataclasses import dataclass
from math import radians
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from canon.data.augment.draws import Draws
from canon.errors import InputError

Positions = Annotated[Tensor, "(B, H, W, 2) float32, row and column in pixels"]
AffineMaps = Annotated[Tensor, "(B, 2, 2) float32, (row, column) in the crop to the image"]
ControlPoints = Annotated[
    Tensor, "(B, 2, g, g) float32, displaced rows and columns in pixels of the crop"
]

# Bound on |displacement| between control points, relative to that at the points: in each direction
# the weights of bicubic interpolation are at most 19/32, 19/32, -3/32 and -3/32.
OVERSHOOT = (2 * 19 / 32 + 2 * 3 / 32) ** 2


@dataclass(frozen=True)
class Deformation:
    """The geometric augmentation of training images and their masks.

    Args:
        flip: horizontal flip with probability 1/2.
        upright: images have a natural orientation. Otherwise, as under a microscope, `flip` draws
            one of the eight flips and quarter turns.
        scale: range of the magnification.
        rotate: largest rotation in degrees, in either direction.
        elastic: standard deviation of the displacements at the control points, in pixels of the
            crop; they are interpolated bicubically, as in U-Net.
        grid: control points per side; the outermost are the corners of the crop.
        crop: random crop; otherwise the centre crop.

    Raises:
        InputError: a number is out of range.
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
                f"the scale is {low} to {high}; expected two numbers above 0, the smaller first. "
                "Pass 1 and 1 to disable scaling."
            )
        for name, value in (("rotate", self.rotate), ("elastic", self.elastic)):
            if not 0 <= value < float("inf"):
                raise InputError(
                    f"{name} is {value}; expected a finite number of 0 or more. Pass 0 to disable "
                    "it."
                )
        if self.grid < 2:
            raise InputError(
                f"grid is {self.grid} points per side; expected 2 or more. Pass 3 as in U-Net."
            )

    @property
    def interpolates(self) -> bool:
        """Whether positions lie between pixels, so that values are interpolated."""
        low, high = self.scale
        return not low == high == 1 or self.rotate > 0 or self.elastic > 0

    @property
    def random(self) -> bool:
        """Whether the result depends on the seed."""
        varied = self.scale[0] < self.scale[1]
        return self.crop or self.flip or varied or self.rotate > 0 or self.elastic > 0

    def __str__(self) -> str:
        low, high = self.scale
        parts = {
            "crops": self.crop,
            "horizontal flips": self.flip and self.upright,
            "flips and quarter turns": self.flip and not self.upright,
            f"magnification {low:g} to {high:g}": low < high,
            f"rotations up to {self.rotate:g} degrees": self.rotate,
            f"elastic displacements of {self.elastic:g} pixels": self.elastic,
        }
        return ", ".join(part for part, present in parts.items() if present) or "none"

    def affine_maps(self, count: int, draw: Draws) -> AffineMaps:
        """Random flips, turns, rotations and scalings of crops about their centres."""
        (low, high), uniform = self.scale, draw.uniform(2, count, samples=1)
        scale = low + (high - low) * uniform[0]
        angle = radians(self.rotate) * (2 * uniform[1] - 1)
        cos, sin = angle.cos() / scale, angle.sin() / scale
        maps = torch.stack([cos, -sin, sin, cos], -1).reshape(count, 2, 2)
        if not self.flip:
            return maps
        vertical, horizontal, quarter = draw.integers(2, 3, count, samples=1)
        maps[:, 1] *= 1 - 2 * horizontal[:, None]
        if self.upright:
            return maps
        maps[:, 0] *= 1 - 2 * vertical[:, None]
        return torch.where(quarter.bool()[:, None, None], maps.flip(1), maps)  # transposed

    def control_points(self, count: int, draw: Draws) -> ControlPoints:
        """Random displacements of crops at the control points."""
        return self.elastic * draw.normal(count, 2, self.grid, self.grid)

    def positions(
        self, size: tuple[int, int], maps: AffineMaps, centers: Tensor, points: ControlPoints
    ) -> Positions:
        """The position of each pixel of a batch of crops in its image.

        Args:
            size: height and width of the crops in pixels.
            maps: affine maps about their centres.
            centers: (B, 2) rows and columns of the centers.
            points: displacements at the control points, applied before the maps.
        """
        down, across = (torch.arange(n, device=maps.device) - (n - 1) / 2 for n in size)
        row, column = down[:, None], across[None, :]
        if self.elastic:
            by_row, by_column = (cubic_weights(self.grid, n).to(points.device) for n in size)
            displacement = by_row @ points @ by_column.T  # (B, 2, H, W)
            row, column = row + displacement[:, 0], column + displacement[:, 1]
        # Not a matrix product, which some devices compute with lower precision.
        by_row, by_column = maps[..., 0, None, None], maps[..., 1, None, None]
        return torch.stack(
            [
                by_row[:, i] * row + by_column[:, i] * column + centers[:, i, None, None]
                for i in (0, 1)
            ],
            -1,
        )


def cubic_weights(points: int, side: int) -> Tensor:
    """The weights of g points in the cubic interpolation to S pixels of a line. Shape: (S, g)."""
    each = torch.eye(points)[None, None]
    return F.interpolate(each, (side, points), mode="bicubic", align_corners=True)[0, 0]


def max_reach(size: tuple[int, int], maps: AffineMaps, points: ControlPoints) -> float:
    """Bound on the distance, in rows or columns, of a crop's pixels from its centre."""
    within = (max(size) - 1) / 2 + OVERSHOOT * float(points.abs().max())
    return within * float(maps.abs().sum(-1).max())


def sample_bilinear(windows: Tensor, positions: Positions) -> Tensor:
    """Bilinear interpolation at the positions. Shape: (B, N, N, C) -> (B, H, W, C) float32."""
    grid = positions.flip(-1) * (2 / (windows.shape[1] - 1)) - 1  # columns first, -1 to 1
    x = windows.permute(0, 3, 1, 2).float()
    return F.grid_sample(x, grid, padding_mode="border", align_corners=True).permute(0, 2, 3, 1)


def sample_nearest(windows: Tensor, positions: Positions) -> Tensor:
    """The nearest pixels. Shape: (B, N, N, ...) -> (B, H, W, ...) of the same type."""
    side = windows.shape[1]
    row, column = positions.round().clamp(0, side - 1).long().unbind(-1)
    each = torch.arange(len(windows), device=windows.device)[:, None, None]
    return windows.flatten(0, 2)[(each * side + row) * side + column]  # one index is fastest
