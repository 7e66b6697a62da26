"""A region reader over a grid of blocks: the tiles, strips or chunks of a file.

Only the blocks that a region touches are decoded, and those of the last region are kept.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from threading import Lock

import numpy as np

from canon.data.images.region import (
    unreadable_error,
)
from canon.data.types import Pixels
from canon.errors import DataError


class BlockCache:
    """The blocks of the last region read, and up to `spare` bytes of earlier ones."""

    def __init__(self, spare: int = 2**26) -> None:
        self.spare = spare
        self.kept: OrderedDict[tuple[int, int, int], Pixels] = OrderedDict()
        self.held = 0  # bytes
        self.lock = Lock()  # also while loading: a file has one position

    def block(self, key: tuple[int, int, int], load: Callable[[], Pixels], region: int) -> Pixels:
        """A block, kept or loaded; the oldest go when it needs the room.

        Args:
            key: page, and row and column in its grid of blocks.
            load: what reads the block.
            region: number of blocks of the region that is being read.
        """
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
            block = load()
            most = self.spare + (region - 1) * block.nbytes
            while self.kept and self.held > most:
                self.held -= self.kept.popitem(last=False)[1].nbytes
            self.kept[key] = block
            self.held += block.nbytes
            return block


@dataclass(frozen=True)
class BlockReader:
    """A plane in a grid of blocks.

    Args:
        name: what errors call it, such as "page 3 of 30 of stack.tif".
        height: of the image in pixels.
        width: likewise.
        channels: 1 or 3.
        bits: 8 or 16.
        block: height and width of a block in pixels.
        load: gives the block in a row and a column of the grid, (h, w, S); it may be smaller than
            a block at the lower and right edge, or reach over it.
        shown: makes (h, w, C) of the (h, w, S) samples that are stored.
        cache: of the file.
        key: number of the page in the cache.
    """

    name: str
    height: int
    width: int
    channels: int
    bits: int
    block: tuple[int, int]
    load: Callable[[int, int], Pixels]
    shown: Callable[[Pixels], Pixels]
    cache: BlockCache
    key: int

    def read(self, rows: slice, columns: slice) -> Pixels:
        try:
            return self.shown(self._samples(rows, columns))
        except (MemoryError, DataError):
            raise
        except Exception as reason:  # every codec has errors of its own
            raise unreadable_error(self.name, reason) from None

    def _samples(self, rows: slice, columns: slice) -> Pixels:
        down, along = _blocks(rows, self.block[0]), _blocks(columns, self.block[1])
        region, samples = len(down) * len(along), None
        for i, j in product(down, along):
            block = self.cache.block((self.key, i, j), partial(self.load, i, j), region)
            if samples is None:
                size = (rows.stop - rows.start, columns.stop - columns.start, block.shape[-1])
                samples = np.empty(size, block.dtype)
            to_rows, from_rows = _overlap(rows, i, self.block[0])
            to_columns, from_columns = _overlap(columns, j, self.block[1])
            samples[to_rows, to_columns] = block[from_rows, from_columns]
        assert samples is not None, f"the region {rows}, {columns} is empty"
        return samples


def _blocks(pixels: slice, side: int) -> range:
    return range(pixels.start // side, -(-pixels.stop // side))


def _overlap(pixels: slice, number: int, side: int) -> tuple[slice, slice]:
    """Where a region and a block meet: counted from the region's start, and from the block's."""
    first, last = max(pixels.start, number * side), min(pixels.stop, (number + 1) * side)
    from_block = slice(first - number * side, last - number * side)
    return slice(first - pixels.start, last - pixels.start), from_block
