"""Read 16-bit colour with all its bits, which `read_image` reduces to 8."""

from importlib.util import find_spec
from pathlib import Path

from canon.data.images.deep_png import RGB, RGBA, is_deep_png, read_deep_png
from canon.data.images.reader import is_tiff, read_image
from canon.data.images.tiff import tiff_readers
from canon.data.types import Pixels
from canon.errors import DataError


def read_deep(path: Path) -> Pixels:
    """The pixels of a file as `read_image` gives them, but uint16 for 16-bit colour too.

    PNG files need imagecodecs and TIFF files tifffile (the extra `big`); without them, and in all
    other formats, 16-bit colour has 8 bits. Except for composited alpha, `read_deep(path) >> 8` is
    what `read_image` returns.

    Raises:
        DataError: as `read_image`.
    """
    deep = None
    if is_tiff(path) and find_spec("tifffile"):
        deep = _from_tiff(path)
    elif is_deep_png(path, RGB, RGBA):
        deep = read_deep_png(path)
    return read_image(path) if deep is None else deep


def _from_tiff(path: Path) -> Pixels | None:
    try:
        with tiff_readers(path) as readers:
            first = readers[0]
            if (first.bits, first.channels) != (16, 3):
                return None
            return first.read(slice(0, first.height), slice(0, first.width))
    except DataError:
        return None  # read_image reads it, or raises the error that names the fault
