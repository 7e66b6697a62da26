"""Read an image file as an array: one rule for modes, alpha, orientation and bits.

Grey stays one channel, everything else becomes RGB. Bilevel images become 0 and 255, also where
white is stored as zero. Alpha is composited on white, EXIF orientation is applied, and an animation
gives its first frame. 16-bit grey keeps its bits (in PNG with alpha, if imagecodecs is installed);
16-bit colour is read with 8, the upper ones.

TIFF files are read by tifffile where it is installed (the extra `big`), as they are for prediction;
what it does not read, such as CMYK, is read by Pillow.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, TiffImagePlugin

from canon.data.images.deep_png import GREY_ALPHA, is_deep_png, read_deep_png
from canon.data.images.picture import frames, open_picture
from canon.data.images.tiff import ChannelsError, read_first_page
from canon.data.types import Pixels
from canon.errors import DataError
from canon.utils.files import first_bytes

# fmt: off
SUFFIXES = frozenset([
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".tga", ".avif", ".ico",
])
# fmt: on
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # of TIFF and BigTIFF
GREY = ("1", "L")
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
PHOTOMETRIC, PLANAR = 262, 284  # TIFF tags


Read = TypeVar("Read")


def is_image(path: Path) -> bool:
    """Whether the suffix is one of an image format."""
    return path.suffix.lower() in SUFFIXES


def is_tiff(path: Path) -> bool:
    """Whether a file has the signature of TIFF or BigTIFF."""
    return first_bytes(path, 4) in MAGIC


def multi_page_fault(path: Path) -> str | None:
    """The error text for a TIFF file of several images where one is expected, or None."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    try:
        count = frames(path)
    except DataError:  # the reader reports it
        return None
    if count == 1:
        return None
    return f"{path} contains {count} images; expected one. Save its pages as separate files."


def read_image(path: Path, least: int | None = None) -> Pixels:
    """The pixels of a file, (H, W, C) with C 1 or 3; uint8, or uint16 for 16-bit grey.

    Args:
        path: the file.
        least: a JPEG may be decoded at a fraction of its size whose sides have so many pixels; None
            means whole.

    Raises:
        DataError: the file is missing, empty, truncated, no image, or has floating-point pixels.
    """
    if is_tiff(path) and find_spec("tifffile"):
        pixels = either(path, read_first_page, read_picture)
        deep_color = pixels.dtype == np.uint16 and pixels.shape[2] == 3
        return (pixels >> 8).astype(np.uint8) if deep_color else pixels
    if is_deep_png(path, GREY_ALPHA) and (deep := read_deep_png(path)) is not None:
        return deep
    return read_picture(path, least)


def either(path: Path, first: Callable[[Path], Read], second: Callable[[Path], Read]) -> Read:
    """What the first of two readers that reads a file gives; if none does, the first's error."""
    try:
        return first(path)
    except ChannelsError:
        raise
    except DataError as reason:
        try:
            return second(path)
        except DataError:
            raise reason from None


def read_picture(path: Path, least: int | None = None) -> Pixels:
    """The pixels of a file, by Pillow.

    Args:
        path: the file.
        least: as of `read_image`.

    Raises:
        DataError: as `read_image`.
    """
    with open_picture(path, least) as picture:
        return _pixels(picture, path)


def _pixels(picture: Image.Image, path: Path) -> Pixels:
    mode = picture.mode
    if mode == "F":
        raise DataError(
            f"{path} has floating-point pixels; expected 8 or 16 bits. Convert it to 8 or 16 bits "
            "with an explicit value range."
        )
    if mode == "I":
        return _as_uint16(np.asarray(picture), path)
    if mode in DEEP:
        deep = np.asarray(picture).astype(np.uint16)[..., None]
        return ~deep if white_is_zero(picture) else deep
    if mode in ALPHA or "transparency" in picture.info:
        return _over_white(picture)
    if mode in GREY:
        return np.asarray(picture.convert("L"))[..., None]
    if _is_planar(picture):  # Pillow reads 16 bits of this kind as noise
        raise DataError(
            f"{path} is a planar TIFF, which needs tifffile: pip install 'canon-nets[big]'."
        )
    return np.asarray(picture.convert("RGB"))


def white_is_zero(picture: Image.Image) -> bool:
    """Whether a 16-bit TIFF stores white as zero; Pillow inverts 1 and 8 bits only."""
    return isinstance(picture, TiffImagePlugin.TiffImageFile) and (
        picture.tag_v2.get(PHOTOMETRIC) == 0
    )


def _is_planar(picture: Image.Image) -> bool:
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return False
    depths = picture.tag_v2.get(258, (8,))
    return picture.tag_v2.get(PLANAR) == 2 and max(depths) > 8


def _as_uint16(values: np.ndarray[tuple[int, ...], np.dtype[np.int32]], path: Path) -> Pixels:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise DataError(
            f"{path} has values from {low} to {high}; expected 0 to 65535. Rescale it to 16 bits."
        )
    return values.astype(np.uint16)[..., None]


def _over_white(picture: Image.Image) -> Pixels:
    grey = picture.mode in ("L", "LA", "La")
    rgba = picture.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    flat = Image.alpha_composite(white, rgba).convert("L" if grey else "RGB")
    pixels = np.asarray(flat)
    return pixels[..., None] if grey else pixels
