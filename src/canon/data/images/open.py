"""Open any image file or zarr folder as region readers.

A plain image is one reader, a page of a TIFF one or more, a leading index of a zarr array one.
Pixels follow the rules of `canon.data.images.reader`, but 16-bit colour keeps its bits.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from canon.data.images.deep_color import read_deep
from canon.data.images.ome_zarr import zarr_readers
from canon.data.images.reader import is_tiff, read_picture
from canon.data.images.region import ArrayReader, RegionReader
from canon.data.images.tiff import tiff_readers
from canon.errors import DataError


@contextmanager
def open_image(path: Path) -> Iterator[list[RegionReader]]:
    """The readers of a file or zarr folder, in order, usable within the context.

    A plain image is read at once. TIFF files and zarr folders are read by region; a damaged page
    raises when it is read, and the others stay readable.

    Raises:
        DataError: nothing can be read, or the pixels do not have 8 or 16 bits.
        InputError: tifffile or zarr is required but not installed.
    """
    if path.is_dir():
        yield zarr_readers(path)
    elif is_tiff(path):
        with ExitStack() as files:
            yield _tiff(path, files)
    else:
        yield [ArrayReader(read_deep(path))]


def _tiff(path: Path, files: ExitStack) -> list[RegionReader]:
    """The planes of a TIFF; what tifffile does not read, such as CMYK, is read by Pillow."""
    try:
        return files.enter_context(tiff_readers(path))
    except DataError as reason:
        try:
            return [ArrayReader(read_picture(path))]
        except DataError:
            raise reason from None


def require_same_format(planes: Sequence[RegionReader], source: Path) -> RegionReader:
    """The first image, if all have the same size, channels and bits.

    Raises:
        DataError: one differs, so that they cannot be written as one stack.
    """
    first, *others = planes
    for position, plane in enumerate(others, 2):
        if _format(plane) != _format(first):
            raise DataError(
                f"image {position} of {source} has {_format(plane)}, the first {_format(first)}; "
                "expected equal formats. Split the file."
            )
    return first


def _format(plane: RegionReader) -> str:
    kind = "grey" if plane.channels == 1 else "RGB"
    return f"{plane.height} x {plane.width} pixels of {plane.bits}-bit {kind}"
