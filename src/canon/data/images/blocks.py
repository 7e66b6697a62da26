"""A region reader over a grid of blocks: the tiles, strips or chunks of a file.

Only the blocks that overlap a region are decoded; the blocks of the last region are cached.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from threading import Lock

import numpy as np

from canon.data.images.region import unreadable_error
from canon.data.types import Pixels
from canon.errors import DataError


class BlockCache:
    """A cache of the last region's blocks, and of up to `spare` bytes of earlier ones."""

    def __init__(self, spare: int = 2**26) -> None:
        self.spare = spare
        self.blocks: OrderedDict[tuple[int, int, int], Pixels] = OrderedDict()
        self.size = 0  # bytes
        self.lock = Lock()  # held while loading: a file has one position

    def block(self, key: tuple[int, int, int], load: Callable[[], Pixels], region: int) -> Pixels:
        """A block, cached or loaded; the least recently used blocks are evicted.

        Args:
            key: page, row and column of the block.
            load: reads the block.
            region: number of blocks in the region.
        """
        with self.lock:
            if key in self.blocks:
                self.blocks.move_to_end(key)
                return self.blocks[key]
            block = load()
            limit = self.spare + (region - 1) * block.nbytes
            while self.blocks and self.size > limit:
                self.size -= self.blocks.popitem(last=False)[1].nbytes
            self.blocks[key] = block
            self.size += block.nbytes
            return block


@dataclass(frozen=True)
class BlockReader:
    """An image stored as a grid of blocks.

    Args:
        name: for messages, such as "page 3 of 30 of stack.tif".
        height: of the image in pixels.
        width: of the image in pixels.
        channels: 1 or 3.
        bits: 8 or 16.
        block: height and width of a block in pixels.
        load: reads the block at a row and column of the grid, (h, w, S). Blocks at the lower and
            right edge may be smaller, or extend past the image.
        convert: stored samples, (h, w, S), to pixels, (h, w, C).
        cache: of the file.
        key: index of the page in the cache.
    """

    name: str
    height: int
    width: int
    channels: int
    bits: int
    block: tuple[int, int]
    load: Callable[[int, int], Pixels]
    convert: Callable[[Pixels], Pixels]
    cache: BlockCache
    key: int

    def read(self, rows: slice, columns: slice) -> Pixels:
        try:
            return self.convert(self._samples(rows, columns))
        except (MemoryError, DataError):
            raise
        except Exception as reason:  # each codec raises its own errors
            raise unreadable_error(self.name, reason) from None

    def _samples(self, rows: slice, columns: slice) -> Pixels:
        block_rows, block_columns = _blocks(rows, self.block[0]), _blocks(columns, self.block[1])
        region, samples = len(block_rows) * len(block_columns), None
        for i, j in product(block_rows, block_columns):
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
    """The overlap of a region and a block, in coordinates of the region and of the block."""
    first, last = max(pixels.start, number * side), min(pixels.stop, (number + 1) * side)
    from_block = slice(first - number * side, last - number * side)
    return slice(first - pixels.start, last - pixels.start), from_block
