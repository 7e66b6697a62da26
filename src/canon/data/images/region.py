"""Region readers: images from which any region can be read without the rest."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from canon.data.images.conversion import to_bits, to_channels
from canon.data.types import Pixels
from canon.errors import DataError

# TIFF and EXIF orientations: transpose, then reverse the rows, then reverse the columns.
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
    """One image, read by region.

    `height` and `width` are in pixels, `channels` is 1 or 3, `bits` is 8 or 16.
    """

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def bits(self) -> int: ...
    @property
    def name(self) -> str:
        """For messages, such as "page 3 of 30 of stack.tif"."""

    def read(self, rows: slice, columns: slice) -> Pixels:
        """The pixels of a region inside the image, (h, w, C) uint8 or uint16.

        Args:
            rows: slice in pixels, without a step.
            columns: slice in pixels, without a step.

        Raises:
            DataError: the region cannot be read; the message names the file and the page.
        """


@dataclass(frozen=True)
class UnreadableReader:
    """A page that exists but cannot be read; its format is that of the others."""

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
    """An image rotated and flipped to its orientation tag."""

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

    @property
    def name(self) -> str:
        return self.stored.name

    def read(self, rows: slice, columns: slice) -> Pixels:
        transposed, reverse_rows, reverse_columns = UPRIGHT[self.orientation]
        y = _reversed(rows, self.height) if reverse_rows else rows
        x = _reversed(columns, self.width) if reverse_columns else columns
        pixels = self.stored.read(x, y).swapaxes(0, 1) if transposed else self.stored.read(y, x)
        return pixels[:: -1 if reverse_rows else 1, :: -1 if reverse_columns else 1]


def _reversed(pixels: slice, side: int) -> slice:
    return slice(side - pixels.stop, side - pixels.start)


def unreadable_error(name: str, reason: object) -> DataError:
    """The error for pixels that cannot be read; `name` is the file or page."""
    detail = " ".join(str(reason).split()).strip("\"'.") or type(reason).__name__
    if "imagecodecs" in detail:  # tifffile names the package that it misses
        return DataError(
            f"{name} needs a codec that is not installed ({detail}); expected imagecodecs. Run pip "
            "install 'canon-nets[big]'."
        )
    return DataError(
        f"{name} cannot be read: {detail}; expected complete image data. Replace the file or skip "
        "it."
    )


@dataclass(frozen=True)
class ArrayReader:
    """An image in memory, (H, W, C) uint8 or uint16."""

    pixels: Pixels
    name: str = "the image"

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
    """An image in the channels and bits that a network was trained on."""

    image: RegionReader
    channels: int
    bits: int
    height: int = field(init=False)
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.height, self.width = self.image.height, self.image.width

    @property
    def name(self) -> str:
        return self.image.name

    def read(self, rows: slice, columns: slice) -> Pixels:
        """A region; 16-bit colour is reduced to its upper bits for 8, as in `read_image`."""
        pixels = self.image.read(rows, columns)
        if self.bits == 8 and pixels.dtype == np.uint16 and pixels.shape[2] == 3:
            pixels = (pixels >> 8).astype(np.uint8)
        return to_bits(to_channels(pixels, self.channels), self.bits)


def reflect_indices(start: int, stop: int, n: int) -> NDArray[np.int64]:
    """The indices of pixels `start` to `stop` of a reflect-padded side.

    The edge is not repeated (3 2 1 | 0 1 2 3 | 2 1 0); the reflection repeats as often as needed.

    Args:
        start: first pixel, negative if before the image.
        stop: one past the last pixel.
        n: length of the side in pixels.
    """
    period = max(1, 2 * (n - 1))
    index = np.arange(start, stop, dtype=np.int64) % period
    return np.minimum(index, period - index) if n > 1 else index
