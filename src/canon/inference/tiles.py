"""The overlap-tile strategy: predict an image of any size with inputs of a fixed size.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
section 2 and figure 2: the input of a tile extends `margin` pixels past its output on each side.
Where the input extends past the image, the image is reflect-padded.

Padded convolutions see the border of an image as zeros. For such networks an input ends where the
image ends, so that padding occurs at the image's own border only. Predictions are then those of the
whole image.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from canon.data.images.region import RegionReader, reflect_indices
from canon.data.preprocessing import tensor_of
from canon.data.types import Pixels
from canon.errors import InputError
from canon.inference.read_ahead import read_ahead
from canon.types import RawImages

Output = Annotated[Tensor, "(n, s, s) uint8 classes, or (n, K, s, s), s at least `tile`"]
TileFunction = Callable[[RawImages], Output | tuple[Output, ...]]


@dataclass(frozen=True)
class Tiling:
    """How an image is divided into tiles.

    Args:
        tile: side of a tile of the output, in pixels.
        margin: pixels by which the input extends past the tile on each side.
        padded: inputs end where the image ends, and outputs have the size of inputs. Otherwise
            (valid convolutions) the tile is the centre of both.
        stride: of the network, in pixels; `tile` and `margin` should be multiples of it, so that
            poolings are aligned in all tiles.
        multiple: with `padded`, sides of inputs at the image's end are multiples of this, in
            pixels; the image is reflect-padded to it.
        min_side: with `padded`, the smallest side of an input, in pixels.

    Raises:
        InputError: a tile below 1 or a margin below 0.
    """

    tile: int
    margin: int = 0
    padded: bool = False
    stride: int = 1
    multiple: int = 1
    min_side: int = 1

    def __post_init__(self) -> None:
        if self.tile < 1 or self.margin < 0:
            raise InputError(
                f"the tile is {self.tile} pixels and its margin {self.margin}; expected at least "
                "1 and 0. Pass another --tile."
            )

    @property
    def side(self) -> int:
        """Side of the network's input, in pixels."""
        return self.tile + 2 * self.margin

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tiles that cover an image of this size in pixels."""
        return -(-height // self.tile), -(-width // self.tile)

    def legal_side(self, size: int) -> int:
        """The smallest side of a padded network's input that holds `size` pixels."""
        return max(-(-size // self.multiple) * self.multiple, self.min_side)

    def fitted(self, height: int, width: int) -> "Tiling":
        """For an image smaller than a tile, the smallest tile that holds it; else this.

        Args:
            height: of the image in pixels.
            width: of the image in pixels.
        """
        whole = -(-max(height, width) // self.stride) * self.stride
        if self.padded and whole <= self.side:
            return replace(self, tile=whole)
        return replace(self, tile=min(self.tile, whole))

    def window(self, start: int, size: int) -> tuple[int, int]:
        """First pixel and length of a tile's input along one side of an image.

        Args:
            start: first pixel of the tile.
            size: of the image, in pixels.
        """
        if not self.padded:
            return start - self.margin, self.side
        extent = self.legal_side(size)
        latest = (extent - self.min_side) // self.stride * self.stride
        first = max(min(start - self.margin, latest), 0)
        return first, min(start + self.tile + self.margin, extent) - first


def read_tile(image: RegionReader, top: int, left: int, tiling: Tiling) -> Pixels:
    """The input of the tile at (top, left), (side, side, C) or smaller.

    Reads only the part of the image that the input covers.

    Raises:
        DataError: the pixels cannot be read.
    """
    sizes = image.height, image.width
    windows = (tiling.window(at, n) for at, n in zip((top, left), sizes, strict=True))
    rows, columns = (
        reflect_indices(first, first + length, n)
        for (first, length), n in zip(windows, sizes, strict=True)
    )
    y, x = int(rows.min()), int(columns.min())
    region = image.read(slice(y, int(rows.max()) + 1), slice(x, int(columns.max()) + 1))
    return region[(rows - y)[:, None], columns - x]


def tile_rows(
    image: RegionReader, tiling: Tiling, predict: TileFunction, *, batch: int = 1, first: int = 0
) -> Iterator[tuple[int, Any]]:
    """Predict an image, one row of tiles at a time, from top to bottom.

    A thread reads the next tiles during prediction. Batches continue across rows and do not depend
    on `first`, so that a resumed prediction gives the same numbers.

    Args:
        image: the image.
        tiling: its division into tiles.
        predict: maps (n, side, side, C) stored pixels to outputs.
        batch: tiles per call; the last batch may be smaller.
        first: row of tiles to begin with.

    Yields:
        The number of a row and its band, cropped to the image: (h, width), or (K, h, width), or a
        tuple of bands if `predict` returns a tuple.

    Raises:
        DataError: the image cannot be read.
        InputError: outputs have another size than the tiling expects.
    """
    rows, columns = tiling.grid(image.height, image.width)
    starts = range(first * columns // batch * batch, rows * columns, batch)
    read = partial(_read_batch, image, tiling, batch)
    bands: tuple[NDArray[Any], ...] = ()
    for start, groups in zip(starts, read_ahead(starts, read, 1, threads=1), strict=True):
        number = start
        for tiles in groups:
            outputs = predict(tiles)
            single = isinstance(outputs, Tensor)
            maps = _maps((outputs,) if isinstance(outputs, Tensor) else outputs, tiles, tiling)
            for k in range(len(tiles)):
                row, column = divmod(number, columns)
                number += 1
                if row < first:
                    continue
                if column == 0:
                    bands = _empty_bands(tiling, image, row, maps)
                _copy_valid(tiling, image, row, column, [m[k] for m in maps], bands)
                if column == columns - 1:
                    yield row, bands[0] if single else bands


def _empty_bands(
    tiling: Tiling, image: RegionReader, row: int, maps: Sequence[NDArray[Any]]
) -> tuple[NDArray[Any], ...]:
    height = min(tiling.tile, image.height - row * tiling.tile)
    return tuple(np.empty((*m.shape[1:-2], height, image.width), m.dtype) for m in maps)


def _copy_valid(
    tiling: Tiling,
    image: RegionReader,
    row: int,
    column: int,
    outputs: Sequence[NDArray[Any]],
    bands: Sequence[NDArray[Any]],
) -> None:
    """Copy the valid part of a tile into its row."""
    top, left = row * tiling.tile, column * tiling.tile
    for band, output in zip(bands, outputs, strict=True):
        target = band[..., left : left + tiling.tile]
        y = _valid_start(tiling, top, image.height, output.shape[-2])
        x = _valid_start(tiling, left, image.width, output.shape[-1])
        target[...] = output[..., y : y + target.shape[-2], x : x + target.shape[-1]]


def _read_batch(image: RegionReader, tiling: Tiling, batch: int, start: int) -> list[RawImages]:
    """A batch of tiles, split into stacks of one size: tiles at the border may be smaller."""
    rows, columns = tiling.grid(image.height, image.width)
    numbers = range(start, min(start + batch, rows * columns))
    corners = (divmod(number, columns) for number in numbers)
    tiles = [read_tile(image, y * tiling.tile, x * tiling.tile, tiling) for y, x in corners]
    return [tensor_of(np.stack([*same])) for _, same in groupby(tiles, lambda tile: tile.shape)]


def _valid_start(tiling: Tiling, start: int, size: int, output: int) -> int:
    """First valid pixel of a tile's output."""
    if tiling.padded:
        return start - tiling.window(start, size)[0]
    return (output - tiling.tile) // 2


def _maps(outputs: tuple[Output, ...], tiles: RawImages, tiling: Tiling) -> list[NDArray[Any]]:
    """The outputs as arrays, their sizes checked."""
    count, height, width = tiles.shape[:3]
    maps = [output.detach().cpu().numpy() for output in outputs]
    for output in maps:
        sides = output.shape[-2:]
        if tiling.padded:
            fits, expected = sides == (height, width), f"{height} x {width}"
        else:
            fits = all(n >= tiling.tile and (n - tiling.tile) % 2 == 0 for n in sides)
            expected = f"{tiling.tile} or more"
        if output.shape[0] != count or not fits:
            raise InputError(
                f"the network's output for {count} tiles has shape {output.shape}; expected "
                f"{count} maps of {expected} pixels per side. Use the margin that the network "
                "consumes."
            )
    return maps
