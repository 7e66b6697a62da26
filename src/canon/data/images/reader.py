"""Read an image file as an array: one rule for modes, alpha, orientation and bits.

Grey stays one channel, everything else becomes RGB. Bilevel images become 0 and 255. Alpha is
composited on white, EXIF orientation is applied, and an animation gives its first frame. 16-bit
grey keeps its bits; 16-bit colour is read with 8, the upper ones, as Pillow does.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from canon.data.types import Pixels
from canon.errors import DataError

SUFFIXES = frozenset(
    [
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".bmp",
        ".dib",
        ".gif",
        ".tif",
        ".tiff",
        ".webp",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".jp2",
        ".tga",
        ".avif",
        ".ico",
    ]
)
GREY = ("1", "L")
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


def is_image(path: Path) -> bool:
    """Whether the suffix is one of an image format."""
    return path.suffix.lower() in SUFFIXES


def multi_page_fault(path: Path) -> str | None:
    """The error text for a TIFF file of several images where one is expected, or None."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    try:
        with Image.open(path) as picture:
            count = getattr(picture, "n_frames", 1)
    except (OSError, SyntaxError, ValueError, EOFError):  # the reader reports it
        return None
    if count == 1:
        return None
    return f"{path} contains {count} images; expected one. Save its pages as separate files."


def read_image(path: Path) -> Pixels:
    """The pixels of a file, (H, W, C) with C 1 or 3; uint8, or uint16 for 16-bit grey.

    Raises:
        DataError: the file is missing, empty, truncated, no image, or has floating-point pixels.
    """
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty (0 bytes); expected an image. Replace or delete it.")
        with Image.open(path) as picture:
            return _pixels(picture, path)
    except UnidentifiedImageError:
        raise DataError(
            f"{path} is not a readable image; expected PNG, JPEG, TIFF or a similar format. "
            "Replace or delete it."
        ) from None
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; expected an image file. Check the path.") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as reason:
        detail = str(reason).strip().rstrip(".") or type(reason).__name__
        raise DataError(
            f"{path} cannot be read: {detail}; expected a complete image file. Replace or delete "
            "it."
        ) from None


def _pixels(picture: Image.Image, path: Path) -> Pixels:
    picture.load()
    upright: Image.Image = ImageOps.exif_transpose(picture)
    mode = upright.mode
    if mode == "F":
        raise DataError(
            f"{path} has floating-point pixels; expected 8 or 16 bits. Convert it to 8 or 16 bits "
            "with an explicit value range."
        )
    if mode == "I":
        return _as_uint16(np.asarray(upright), path)
    if mode in DEEP:
        return np.asarray(upright).astype(np.uint16)[..., None]
    if mode in ALPHA or "transparency" in upright.info:
        return _over_white(upright)
    if mode in GREY:
        return np.asarray(upright.convert("L"))[..., None]
    return np.asarray(upright.convert("RGB"))


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


def to_channels(pixels: Pixels, channels: int) -> Pixels:
    """Convert pixels, (H, W, C), to 1 or 3 channels: colour to luma, or grey repeated.

    Luma is that of ITU-R 601, 0.299 R + 0.587 G + 0.114 B, as in Pillow.
    """
    if pixels.shape[-1] == channels:
        return pixels
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, channels, axis=-1)
    luma = pixels[..., :3] @ np.array([0.299, 0.587, 0.114])
    return np.rint(luma).astype(pixels.dtype)[..., None]


def to_bits(pixels: Pixels, bits: int) -> Pixels:
    """Convert 8-bit pixels to 16 bits, white to white; the reverse is an error.

    Raises:
        DataError: the pixels have 16 bits and `bits` is 8.
    """
    if pixels.dtype.itemsize * 8 == bits:
        return pixels
    if bits == 8:
        raise DataError(
            "the image has 16 bits, the network was trained on 8; expected 8. Convert it to 8 bits "
            "with an explicit value range."
        )
    return pixels.astype(np.uint16) * 257
