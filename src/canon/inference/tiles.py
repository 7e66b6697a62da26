"""The overlap-tile strategy: an image of any size through a network of one input size.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
section 2 and figure 2: the input of a tile reaches `margin` pixels beyond the part of which the
output is kept, and where that is beyond the image, the image is continued by mirroring.

Networks that pad know the border of an image by their padding. For them inputs may end where the
image does, so that only its own border is padded, and the result is that for the whole image.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from canon.types import RawImages

Output = Annotated[Tensor, "(n, s, s) uint8 classes, or (n, K, s, s), s at least `inner`"]
TileFunction = Callable[[RawImages], Output | tuple[Output, ...]]


@dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    Args:
        inner: side of the part of each tile whose output is kept, in pixels.
        margin: by how much the input reaches beyond it on each side, in pixels.
        inside: inputs end where the image does; outputs are then as large as inputs. Otherwise
            what is kept is the middle of both.
        step: strides of the network, in pixels; `inner` and `margin` should be multiples of it, so
            that poolings fall alike in all tiles.
        multiple: what sides of inputs that end with the image have to be a multiple of, in pixels;
            the image is continued to it by mirroring.
        least: the smallest side of such inputs, likewise.

    Raises:
        InputError: an inner side below 1 or a margin below 0.
    """

    inner: int
    margin: int = 0
    inside: bool = False
    step: int = 1
    multiple: int = 1
    least: int = 1

    def __post_init__(self) -> None:
        if self.inner < 1 or self.margin < 0:
            raise InputError(
                f"a tile keeps {self.inner} pixels with a margin of {self.margin}; expected 1 or "
                "more, and 0 or more. Pass another --tile."
            )

    @property
    def side(self) -> int:
        """Side of the network's input, in pixels."""
        return self.inner + 2 * self.margin

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows of tiles and tiles in a row that cover an image of this size in pixels."""
        return -(-height // self.inner), -(-width // self.inner)

    def extent(self, size: int) -> int:
        """A side of an image as a network that inputs are held inside takes it, in pixels."""
        return max(-(-size // self.multiple) * self.multiple, self.least)

    def fitted(self, height: int, width: int) -> "Tiling":
        """For an image smaller than a tile, the smallest tile that holds it; else this.

        Args:
            height: of the image in pixels.
            width: likewise.
        """
        whole = -(-max(height, width) // self.step) * self.step
        if self.inside and whole <= self.side:
            return replace(self, inner=whole)
        return replace(self, inner=min(self.inner, whole))

    def window(self, at: int, size: int) -> tuple[int, int]:
        """Where the input of a tile begins along a side of `size` pixels, and how long it is.

        Args:
            at: where the part begins that is kept.
            size: of the image, in pixels.
        """
        if not self.inside:
            return at - self.margin, self.side
        extent = self.extent(size)
        latest = (extent - self.least) // self.step * self.step
        start = max(min(at - self.margin, latest), 0)
        return start, min(at + self.inner + self.margin, extent) - start


def read_tile(plane: RegionReader, top: int, left: int, tiling: Tiling) -> Pixels:
    """The input of the tile whose kept part begins at (top, left), (side, side, C) or smaller.

    Only the pixels of the image that are in it are read.

    Raises:
        DataError: they cannot be read.
    """
    sizes = plane.height, plane.width
    ends = (tiling.window(at, n) for at, n in zip((top, left), sizes, strict=True))
    rows, columns = (
        reflect_indices(a, a + side, n) for (a, side), n in zip(ends, sizes, strict=True)
    )
    y, x = int(rows.min()), int(columns.min())
    box = plane.read(slice(y, int(rows.max()) + 1), slice(x, int(columns.max()) + 1))
    return box[(rows - y)[:, None], columns - x]


def tile_rows(
    plane: RegionReader, tiling: Tiling, said: TileFunction, *, batch: int = 1, first: int = 0
) -> Iterator[tuple[int, Any]]:
    """What a network says of an image, one row of tiles after the other, from top to bottom.

    A thread reads the next tiles while the network is at work. Batches go on in the next row and
    are the same wherever one begins, so that a resumed run gives the same numbers.

    Args:
        plane: the image.
        tiling: how it is cut.
        said: what the network makes of (n, side, side, C) stored pixels.
        batch: tiles that it is given at once; fewer at the end.
        first: row of tiles to begin with.

    Yields:
        The number of the row and its band, cut to the image: (h, width), or (K, h, width), or a
        tuple of these if `said` gives a tuple.

    Raises:
        DataError: the image cannot be read.
        InputError: `said` gives maps of another size than the tiling expects.
    """
    rows, columns = tiling.grid(plane.height, plane.width)
    numbers = range(first * columns // batch * batch, rows * columns, batch)
    read = partial(_tiles, plane, tiling, batch)
    band: tuple[NDArray[Any], ...] = ()
    for start, groups in _read_ahead(read, numbers):
        number = start
        for tiles in groups:
            outputs = said(tiles)
            alone = isinstance(outputs, Tensor)
            maps = _maps((outputs,) if isinstance(outputs, Tensor) else outputs, tiles, tiling)
            for k in range(len(tiles)):
                row, column = divmod(number, columns)
                number += 1
                if row < first:
                    continue
                if column == 0:
                    height = min(tiling.inner, plane.height - row * tiling.inner)
                    band = tuple(
                        np.empty((*m.shape[1:-2], height, plane.width), m.dtype) for m in maps
                    )
                _copy_valid(tiling, plane, row, column, [m[k] for m in maps], band)
                if column == columns - 1:
                    yield row, band[0] if alone else band


def _copy_valid(
    tiling: Tiling,
    plane: RegionReader,
    row: int,
    column: int,
    maps: Sequence[NDArray[Any]],
    band: Sequence[NDArray[Any]],
) -> None:
    """Put what is kept of a tile into its band."""
    top, left = row * tiling.inner, column * tiling.inner
    for whole, part in zip(band, maps, strict=True):
        place = whole[..., left : left + tiling.inner]
        y = _valid_start(tiling, top, plane.height, part.shape[-2])
        x = _valid_start(tiling, left, plane.width, part.shape[-1])
        place[...] = part[..., y : y + place.shape[-2], x : x + place.shape[-1]]


def _tiles(plane: RegionReader, tiling: Tiling, batch: int, start: int) -> list[RawImages]:
    """Tiles from a number on, neighbours of one size together: those at the borders differ."""
    rows, columns = tiling.grid(plane.height, plane.width)
    numbers = range(start, min(start + batch, rows * columns))
    places = (divmod(number, columns) for number in numbers)
    tiles = [read_tile(plane, y * tiling.inner, x * tiling.inner, tiling) for y, x in places]
    return [tensor_of(np.stack([*same])) for _, same in groupby(tiles, lambda tile: tile.shape)]


def _read_ahead(
    read: Callable[[int], list[RawImages]], numbers: Sequence[int]
) -> Iterator[tuple[int, list[RawImages]]]:
    """What is read for each number, the next in a thread while one is in use."""
    waiting: deque[tuple[int, Future[list[RawImages]]]] = deque()
    with ThreadPoolExecutor(1) as reader:
        for number in numbers:
            waiting.append((number, reader.submit(read, number)))
            if len(waiting) == 2:
                ready, tiles = waiting.popleft()
                yield ready, tiles.result()
        for ready, tiles in waiting:
            yield ready, tiles.result()


def _valid_start(tiling: Tiling, at: int, size: int, output: int) -> int:
    """Where in an output of a tile the part begins that is kept."""
    if tiling.inside:
        return at - tiling.window(at, size)[0]
    return (output - tiling.inner) // 2


def _maps(outputs: tuple[Output, ...], tiles: RawImages, tiling: Tiling) -> list[NDArray[Any]]:
    count, *given = tiles.shape[:3]
    maps = [output.detach().cpu().numpy() for output in outputs]
    for made in maps:
        sides = made.shape[-2:]
        middle = all(n >= tiling.inner and (n - tiling.inner) % 2 == 0 for n in sides)
        if made.shape[0] != count or not (sides == tuple(given) if tiling.inside else middle):
            wanted = (
                f"{' x '.join(map(str, given))}" if tiling.inside else f"{tiling.inner} or more"
            )
            raise InputError(
                f"the network makes {made.shape} of {count} tiles; expected {count} maps of "
                f"{wanted} pixels a side. Choose the margin that it takes off."
            )
    return maps
