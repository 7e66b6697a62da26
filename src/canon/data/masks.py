"""Masks: files that give each pixel of an image a class, and what their values mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from canon.data.reader import DEEP, read_image
from canon.errors import DataError

IGNORE = 255  # the class index of pixels that count for nothing
MOST = 255  # classes: the indices 0 to 254

Value = int | tuple[int, int, int]
ClassMap = Annotated[NDArray[np.uint8], "(H, W), class indices, 255 counts for nothing"]
Codes = Annotated[NDArray[Any], "(H, W), unsigned: a file's values, colours as 0xRRGGBB"]


@dataclass(frozen=True)
class MaskValues:
    """What the values of mask files mean; a run remembers it.

    Args:
        values: what a file holds for class 0, 1, ...: grey levels or palette indices, or colours.
        ignore: what it holds where pixels count for nothing.
    """

    values: tuple[Value, ...]
    ignore: tuple[Value, ...] = (IGNORE,)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "MaskValues":
        """From `dataclasses.asdict`, through JSON or not."""
        return cls(
            tuple(as_value(value) for value in record["values"]),
            tuple(as_value(value) for value in record["ignore"]),
        )

    @property
    def colours(self) -> bool:
        """Whether the values are colours, rather than grey levels or palette indices."""
        return any(isinstance(value, tuple) for value in self.values)

    def classes(self) -> dict[int, int]:
        """The class index of each value, as a code; `IGNORE` for those that count for nothing."""
        # The default of `ignore` is a grey level, which no colour is.
        nothing = [value for value in self.ignore if isinstance(value, tuple) == self.colours]
        return dict.fromkeys(map(code, nothing), IGNORE) | {
            code(value): i for i, value in enumerate(self.values)
        }


def as_value(value: int | Sequence[int]) -> Value:
    """A grey level as it is, a colour of three numbers as a tuple."""
    if isinstance(value, int):
        return value
    red, green, blue = value
    return (red, green, blue)


def code(value: Value) -> int:
    """One number for a value: a grey level itself, a colour as 0xRRGGBB."""
    if isinstance(value, int):
        return value
    red, green, blue = value
    return red << 16 | green << 8 | blue


def shown(codes: Sequence[int], colours: bool, most: int = 5) -> str:
    """Codes for a person: `0, 1, 2`, or `(255, 0, 0)`; the first few of many."""
    texts = [
        str((one >> 16, one >> 8 & 255, one & 255)) if colours else str(one) for one in codes[:most]
    ]
    return ", ".join(texts) + (f" and {len(codes) - most:,} more" if len(codes) > most else "")


def read_mask(file: Path, values: MaskValues) -> ClassMap:
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
        raise DataError(strange(file, values, counts))
    return classes.astype(np.uint8)


def strange(file: Path, values: MaskValues, counts: Mapping[int, int]) -> str:
    """What is to be said of a mask with values that have no meaning, given their pixel counts."""
    held = sorted(counts, key=lambda one: -counts[one])
    known = values.classes()
    ignored = [one for one, index in known.items() if index == IGNORE]
    ignored_too = f", or {shown(ignored, values.colours)} for ignored" if ignored else ""
    classes = [one for one, index in known.items() if index != IGNORE]
    return (
        f"{file} holds {shown(held, values.colours)} at {sum(counts.values()):,} of its pixels, "
        f"which is no class; expected {shown(classes, values.colours, 10)}{ignored_too}. Mend the "
        "mask, or name its values in classes.json."
    )


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
