"""Images and masks reduced by a whole factor, and masks enlarged again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.data.images.region import RegionReader
from canon.data.types import ClassMap, Pixels


def reduced(image: Pixels, factor: int) -> Pixels:
    """The means of blocks of F x F pixels; at the last row and column, the edge is repeated.

    Shape: (H, W, C) -> (ceil(H/F), ceil(W/F), C)
    """
    height, width, channels = image.shape
    missing = ((0, -height % factor), (0, -width % factor), (0, 0))
    whole = np.pad(image, missing, mode="edge") if height % factor or width % factor else image
    blocks = whole.reshape(whole.shape[0] // factor, factor, -1, factor, channels)
    total = blocks.sum((1, 3), dtype=np.uint64)
    return ((total + factor**2 // 2) // factor**2).astype(image.dtype)


def reduced_mask(mask: ClassMap, factor: int) -> ClassMap:
    """The class in the middle of each block of F x F pixels, or nearest to it in the mask.

    Shape: (H, W) -> (ceil(H/F), ceil(W/F))
    """
    rows, columns = (
        np.minimum(np.arange(factor // 2, side + factor // 2, factor), side - 1)
        for side in mask.shape
    )
    return mask[rows[:, None], columns]


def enlarged(rows: NDArray[Any], factor: int, height: int, width: int) -> NDArray[Any]:
    """Each value as a block of F x F, without what is beyond the image.

    Shape: (..., h, w) -> (..., height, width)
    """
    blocks = rows.repeat(factor, -2).repeat(factor, -1)
    return blocks[..., :height, :width]


@dataclass(frozen=True)
class ReducedReader:
    """An image whose regions are read reduced."""

    image: RegionReader
    factor: int

    @property
    def height(self) -> int:
        return -(-self.image.height // self.factor)

    @property
    def width(self) -> int:
        return -(-self.image.width // self.factor)

    @property
    def channels(self) -> int:
        return self.image.channels

    @property
    def bits(self) -> int:
        return self.image.bits

    @property
    def name(self) -> str:
        return self.image.name

    def read(self, rows: slice, columns: slice) -> Pixels:
        """A region of the reduced image."""
        whole = (
            slice(part.start * self.factor, min(part.stop * self.factor, size))
            for part, size in ((rows, self.image.height), (columns, self.image.width))
        )
        return reduced(self.image.read(*whole), self.factor)
