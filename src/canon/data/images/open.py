"""Open any image file or zarr folder as region readers.

A plain image is one reader. Every page of a TIFF is one or more, every leading index of a zarr
array is one. Pixels follow the rules of `canon.data.images.reader`, but 16-bit color keeps its bits: grey
stays one channel, bilevel becomes 0 and 255, palettes become RGB, alpha is composited on white.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from canon.data.images.ome_zarr import zarr_readers
from canon.data.images.reader import read_image
from canon.data.images.region import ArrayReader, RegionReader
from canon.data.images.tiff import is_tiff, tiff_readers
from canon.errors import DataError


@contextmanager
def open_image(path: Path) -> Iterator[list[RegionReader]]:
    """The planes of a file or of a zarr folder, in order, readable until the context ends.

    Of a plain image, PNG or JPEG, the pixels are read at once. Of TIFF files and zarr folders they
    are read when they are asked for; a damaged page then raises and leaves the others readable.

    Raises:
        DataError: nothing of it can be read, or its pixels are not of 8 or 16 bits.
        InputError: tifffile or zarr is needed and not installed.
    """
    if path.is_dir():
        yield zarr_readers(path)
    elif is_tiff(path):
        with tiff_readers(path) as planes:
            yield planes
    else:
        yield [ArrayReader(read_image(path))]


def require_same_format(planes: Sequence[RegionReader], source: Path) -> RegionReader:
    """The first of the planes, if all have its size, channels and bits.

    Raises:
        DataError: one is different, so that they cannot be written as one stack.
    """
    first, *others = planes
    for position, plane in enumerate(others, 2):
        if _format(plane) != _format(first):
            raise DataError(
                f"image {position} of {source} has {_format(plane)}, the first {_format(first)}; "
                "expected one size. Split the file."
            )
    return first


def _format(plane: RegionReader) -> str:
    kind = "grey" if plane.channels == 1 else "RGB"
    return f"{plane.height} x {plane.width} pixels of {plane.bits}-bit {kind}"
