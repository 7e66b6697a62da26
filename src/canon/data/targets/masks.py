"""Reading masks: files that give each pixel of an image a class."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from canon.data.images.reader import DEEP, read_image
from canon.data.targets.mask_codes import MaskCodes, describe_unknown_values
from canon.data.types import ClassMap, Codes
from canon.errors import DataError


def read_mask(file: Path, values: MaskCodes) -> ClassMap:
    """The class of each pixel of a mask file.

    Palette indices and grey levels are values; where classes are colours, the file's colours.

    Raises:
        DataError: the file cannot be read, is of another kind than the values, is transparent in
            places, or holds values that are no class and not ignored.
    """
    codes = read_codes(file, values.colours)
    known = values.classes()
    table = np.full(max(int(codes.max()), *known) + 1, -1, np.int16)
    table[list(known)] = list(known.values())
    classes = table[codes]
    if (classes < 0).any():
        found, pixels = np.unique(codes[classes < 0], return_counts=True)
        counts = dict(zip(found.tolist(), pixels.tolist(), strict=True))
        raise DataError(describe_unknown_values(file, values, counts))
    return classes.astype(np.uint8)


def read_codes(file: Path, colours: bool) -> Codes:
    """The values of a mask file: grey levels and palette indices, or colours.

    Raises:
        DataError: the file cannot be read or is of another kind.
    """
    try:
        with Image.open(file) as picture:
            picture.load()
            upright: Image.Image = ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        read_image(file)  # says what is wrong with it
        raise
    opaque = _opaque(upright, file)
    return _colours(opaque, file) if colours else _levels(opaque, file)


def _opaque(picture: Image.Image, file: Path) -> Image.Image:
    picture.info.pop("transparency", None)  # of a palette: its indices are values all the same
    if picture.mode not in ("LA", "RGBA"):
        return picture
    if picture.getchannel("A").getextrema() != (255, 255):
        raise DataError(
            f"{file} is transparent in places; expected a mask with a class everywhere. Save it "
            "without an alpha channel."
        )
    return picture.convert(picture.mode[:-1])


def _levels(picture: Image.Image, file: Path) -> Codes:
    levels = np.asarray(picture)
    if picture.mode in ("L", "P"):
        return levels
    if picture.mode == "1":
        return levels.astype(np.uint8)
    if picture.mode in (*DEEP, "I") and levels.min() >= 0 and levels.max() <= 65535:
        return levels.astype(np.uint16)
    if picture.mode == "RGB" and (levels == levels[..., :1]).all():  # grey, saved as colour
        return levels[..., 0]
    if picture.mode == "RGB":
        raise DataError(
            f"{file} is in colour; expected a mask of palette indices or grey levels. Save it so, "
            'or give a classes.json with a colour for each class, {"cell": [255, 0, 0], ...}.'
        )
    raise DataError(_unfit(picture, file))


def _colours(picture: Image.Image, file: Path) -> Codes:
    if picture.mode not in ("1", "L", "P", "RGB"):
        raise DataError(_unfit(picture, file))
    rgb = np.asarray(picture.convert("RGB")).astype(np.uint32)
    return rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def _unfit(picture: Image.Image, file: Path) -> str:
    return (
        f"{file} holds pixels of Pillow's mode {picture.mode}, out of a mask's range; expected a "
        "palette, grey levels from 0 to 65535, or RGB. Save it as PNG with a palette."
    )
