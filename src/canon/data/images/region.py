"""Region readers: one image of which any part can be read without the rest."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from canon.data.images.reader import to_bits, to_channels
from canon.data.types import Pixels
from canon.errors import DataError

# What shows an image upright, for each TIFF and EXIF orientation: its sides exchanged, then its
# rows and its columns reversed.
# fmt: off
UPRIGHT = {
    2: (False, False, True),
    3: (False, True,  True),
    4: (False, True,  False),
    5: (True,  False, False),
    6: (True,  False, True),
    7: (True,  True,  True),
    8: (True,  True,  False),
}
# fmt: on


class RegionReader(Protocol):
    """One image, of which any region can be read without the rest.

    `height` and `width` are pixels, `channels` is 1 or 3, `bits` is 8 or 16.
    """

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def bits(self) -> int: ...

    def read(self, rows: slice, columns: slice) -> Pixels:
        """The pixels of a region inside the image, (h, w, C) uint8 or uint16.

        Args:
            rows: from start to stop, in pixels, without a step.
            columns: likewise.

        Raises:
            DataError: the region cannot be read; the message names the file and the page.
        """


@dataclass(frozen=True)
class UnreadableReader:
    """A page that is known to be there and cannot be read, with the size of the others."""

    name: str
    reason: str
    height: int
    width: int
    channels: int
    bits: int

    def read(self, rows: slice, columns: slice) -> Pixels:  # noqa: ARG002
        raise unreadable_error(self.name, self.reason)


@dataclass(frozen=True)
class OrientedReader:
    """A plane whose file says that it lies on its side or is mirrored, shown upright."""

    stored: RegionReader
    orientation: int

    @property
    def height(self) -> int:
        return self.stored.width if UPRIGHT[self.orientation][0] else self.stored.height

    @property
    def width(self) -> int:
        return self.stored.height if UPRIGHT[self.orientation][0] else self.stored.width

    @property
    def channels(self) -> int:
        return self.stored.channels

    @property
    def bits(self) -> int:
        return self.stored.bits

    def read(self, rows: slice, columns: slice) -> Pixels:
        exchanged, reverse_rows, reverse_columns = UPRIGHT[self.orientation]
        down = _reversed(rows, self.height) if reverse_rows else rows
        along = _reversed(columns, self.width) if reverse_columns else columns
        if exchanged:
            pixels = self.stored.read(along, down).swapaxes(0, 1)
        else:
            pixels = self.stored.read(down, along)
        return pixels[:: -1 if reverse_rows else 1, :: -1 if reverse_columns else 1]


def _reversed(pixels: slice, side: int) -> slice:
    return slice(side - pixels.stop, side - pixels.start)


def unreadable_error(name: str, reason: object) -> DataError:
    """The error for what cannot be read."""
    said = " ".join(str(reason).split()).strip("\"'.") or type(reason).__name__
    if "imagecodecs" in said:
        return DataError(
            f"{name} is compressed in a way that needs a codec ({said}); expected it installed. "
            "Run pip install 'canon-nets[big]'."
        )
    return DataError(
        f"{name} cannot be read: {said}; expected whole image data. "
        "Replace the file or leave this out."
    )


@dataclass(frozen=True)
class ArrayReader:
    """An image in memory, (H, W, C) uint8 or uint16, as a plane."""

    pixels: Pixels

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def channels(self) -> int:
        return self.pixels.shape[2]

    @property
    def bits(self) -> int:
        return 8 * self.pixels.dtype.itemsize

    def read(self, rows: slice, columns: slice) -> Pixels:
        return self.pixels[rows, columns]


@dataclass
class ConvertedReader:
    """A plane in the channels and bits that a network was trained on."""

    plane: RegionReader
    channels: int
    bits: int
    height: int = field(init=False)
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.height, self.width = self.plane.height, self.plane.width

    def read(self, rows: slice, columns: slice) -> Pixels:
        """A region, as `Plane.read`; colour of 16 bits loses the lower ones, as in the reader."""
        pixels = self.plane.read(rows, columns)
        if self.bits == 8 and pixels.dtype == np.uint16 and pixels.shape[2] == 3:
            pixels = (pixels >> 8).astype(np.uint8)
        return to_bits(to_channels(pixels, self.channels), self.bits)


def reflect_indices(start: int, stop: int, n: int) -> NDArray[np.int64]:
    """The indices of pixels `start` to `stop` of a side that is continued by mirroring.

    The edge is not repeated (3 2 1 | 0 1 2 3 | 2 1 0), and mirrored again as often as needed.

    Args:
        start: first pixel, negative if before the image.
        stop: the one after the last.
        n: pixels of the side.
    """
    period = max(1, 2 * (n - 1))
    index = np.arange(start, stop, dtype=np.int64) % period
    return np.minimum(index, period - index) if n > 1 else index
