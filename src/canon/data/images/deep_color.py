"""Read 16-bit colour with all its bits, which Pillow reduces to 8."""

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from canon.data.images.picture import ORIENTATION, decoding
from canon.data.images.reader import is_tiff, read_image
from canon.data.images.region import UPRIGHT, ArrayReader, OrientedReader
from canon.data.images.tiff import tiff_readers
from canon.data.images.tiff_page import ALPHA, over_white
from canon.data.types import Pixels
from canon.errors import DataError

PNG = b"\x89PNG\r\n\x1a\n"
DEPTH, KIND = 24, 25  # offsets of the bit depth and the colour type in a PNG file
RGB, GREY_ALPHA, RGBA = 2, 4, 6


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
    elif _is_deep_png(path) and find_spec("imagecodecs"):
        deep = _from_png(path)
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


def _is_deep_png(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            header = file.read(KIND + 1)
    except OSError:
        return False
    png = len(header) > KIND and header.startswith(PNG)
    return png and header[DEPTH] == 16 and header[KIND] in (RGB, GREY_ALPHA, RGBA)


def _from_png(path: Path) -> Pixels | None:
    import imagecodecs  # noqa: PLC0415

    try:
        with decoding(path), Image.open(path) as picture:
            orientation = picture.getexif().get(ORIENTATION, 1)
            if "transparency" in picture.info:  # one transparent colour
                return None
        samples = imagecodecs.png_decode(path.read_bytes())
    except Exception:  # each codec raises its own errors
        return None  # read_image raises the error that names the fault
    alpha = ALPHA if samples.shape[2] in (2, 4) else 0
    deep = ArrayReader(over_white(1 if samples.shape[2] == 2 else 3, alpha, samples))
    upright = OrientedReader(deep, orientation) if orientation in UPRIGHT else deep
    return upright.read(slice(0, upright.height), slice(0, upright.width))
