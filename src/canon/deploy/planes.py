"""Opening image files as planes: regions of images too large for the memory.

A plain image is one plane. Every page of a TIFF is one or more, every leading index of a zarr
array is one. Pixels are what `canon.data.reader` makes of them, but for colour of 16 bits, which
keeps them: grey stays one channel, black-and-white becomes 0 and 255, palettes become RGB, alpha
is laid over white.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from canon.data.dataset import Pixels
from canon.data.reader import read_image
from canon.deploy.blocks import Plane
from canon.deploy.tiff import is_tiff, tiff_planes
from canon.deploy.zarrs import zarr_planes
from canon.errors import DataError

__all__ = ["ArrayPlane", "Plane", "alike", "opened"]


@dataclass(frozen=True)
class ArrayPlane:
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


@contextmanager
def opened(path: Path) -> Iterator[list[Plane]]:
    """The planes of a file or of a zarr folder, in order, readable until the context ends.

    Of a plain image, PNG or JPEG, the pixels are read at once. Of TIFF files and zarr folders they
    are read when they are asked for; a damaged page then raises and leaves the others readable.

    Raises:
        DataError: nothing of it can be read, or its pixels are not of 8 or 16 bits.
        InputError: tifffile or zarr is needed and not installed.
    """
    if path.is_dir():
        yield zarr_planes(path)
    elif is_tiff(path):
        with tiff_planes(path) as planes:
            yield planes
    else:
        yield [ArrayPlane(read_image(path))]


def alike(planes: Sequence[Plane], source: Path) -> Plane:
    """The first of the planes, if all have its size, channels and bits.

    Raises:
        DataError: one is different, so that they cannot be written as one stack.
    """
    first, *others = planes
    for position, plane in enumerate(others, 2):
        if _said(plane) != _said(first):
            raise DataError(
                f"image {position} of {source} has {_said(plane)}, the first {_said(first)}; "
                "expected one size. Split the file."
            )
    return first


def _said(plane: Plane) -> str:
    kind = "grey" if plane.channels == 1 else "RGB"
    return f"{plane.height} x {plane.width} pixels of {plane.bits}-bit {kind}"
