"""Targets of segmentation: a mask file for each image, one class per pixel."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from canon.data.images.picture import open_picture
from canon.data.images.reader import DEEP, either, is_tiff, read_image, white_is_zero
from canon.data.targets.base import require_two_classes
from canon.data.targets.mask_codes import MaskCodes, describe_unknown_values
from canon.data.types import ClassMap, Codes, Pixels
from canon.errors import DataError


@dataclass(frozen=True)
class Masks:
    """A file with the class of each pixel, for each image.

    Args:
        files: the mask files.
        classes: names of the classes.
        codes: what the values in the files mean.
    """

    kind: ClassVar[str] = "mask"
    files: tuple[Path, ...]
    classes: tuple[str, ...]
    codes: MaskCodes

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> ClassMap:
        return read_mask(self.files[i], self.codes)

    def select(self, index: NDArray[np.int64] | Sequence[int]) -> Self:
        return replace(self, files=tuple(self.files[i] for i in index))

    def joined(self, other: Self) -> Self:
        return replace(self, files=self.files + other.files)

    def strata(self) -> NDArray[np.int64]:
        return np.zeros(len(self.files), np.int64)

    def stratum_name(self, stratum: int) -> str:  # noqa: ARG002
        return "the dataset"

    def reordered(self, classes: tuple[str, ...]) -> Self:
        if self.classes != classes:
            raise DataError(
                f"the masks have the classes {', '.join(self.classes[:5])}; expected "
                f"{', '.join(classes[:5])}, as the run was trained on. Name them in classes.txt."
            )
        return self

    def validate(self, source: str, split: str, images: int, *, to_train: bool = True) -> None:
        if not 0 < images == len(self.files):
            raise DataError(
                f"{source} has {images} {split} images and {len(self.files)} masks; expected one "
                "pair or more. Add the missing files."
            )
        if to_train:
            require_two_classes(source, self.classes)

    def record(self) -> dict[str, Any]:
        return {"kind": self.kind} | asdict(self.codes)


def read_mask(file: Path, values: MaskCodes) -> ClassMap:
    """The class of each pixel of a mask file.

    Values are palette indices or grey levels; if classes are colours, they are RGB colours.

    Raises:
        DataError: the file cannot be read, has another kind of values, has transparent pixels, or
            contains unknown values.
    """
    read = read_codes(file, values.colors)
    codes = read.codes * values.white if read.bilevel else read.codes
    index_of = values.classes()
    table = np.full(max(int(codes.max()), *index_of) + 1, -1, np.int16)
    table[list(index_of)] = list(index_of.values())
    classes = table[codes]
    if (classes < 0).any():
        found, pixels = np.unique(codes[classes < 0], return_counts=True)
        counts = dict(zip(found.tolist(), pixels.tolist(), strict=True))
        raise DataError(describe_unknown_values(file, values, counts))
    return classes.astype(np.uint8)


class MaskValues(NamedTuple):
    """The values of a mask file.

    Args:
        codes: grey levels, palette indices or colours, (H, W).
        bilevel: whether it is black and white: one bit, or a palette of these two. White is 1.
        palette: the colours of all indices, (K, 3), if the values are indices.
    """

    codes: Codes
    bilevel: bool = False
    palette: Pixels | None = None


def read_codes(file: Path, colors: bool) -> MaskValues:
    """The values of a mask file.

    Raises:
        DataError: the file cannot be read or has another kind of values.
    """
    return either(file, partial(_picture_codes, colors), partial(_tiff_codes, colors))


def _picture_codes(colors: bool, file: Path) -> MaskValues:
    with open_picture(file) as picture:
        opaque = _opaque(picture, file)
        if colors:
            return MaskValues(_colors(opaque, file))
        if opaque.mode == "P":
            return _indexed(np.asarray(opaque), opaque.getpalette("RGB"), picture.format)
        return MaskValues(_levels(opaque, file), opaque.mode == "1")


def _indexed(indices: Codes, colors: list[int] | None, file_format: str | None) -> MaskValues:
    """The values of a file with a palette.

    They are the indices. Black and white are 0 and 1 in any order, and a GIF of grey levels has
    these, because writers of GIF number the colours as they come.
    """
    palette = np.array(colors or [], np.uint8).reshape(-1, 3)
    used = palette[: int(indices.max()) + 1]
    grey = bool(len(used)) and bool((palette == palette[:, :1]).all())
    levels = palette[:, 0]
    if grey and len(used) <= 2 and {*levels.tolist()} == {0, 255}:
        return MaskValues((levels[indices] > 0).astype(np.uint8), bilevel=True, palette=palette)
    if grey and file_format == "GIF":
        return MaskValues(levels[indices])
    return MaskValues(indices, palette=palette)


def _tiff_codes(colors: bool, file: Path) -> MaskValues:
    """The values of a TIFF that Pillow does not read, such as one of 64 bits."""
    pixels = read_image(file) if is_tiff(file) else None
    if pixels is None or colors or pixels.shape[2] != 1:
        raise DataError(f"{file} is not a readable mask")  # the first reader's error is shown
    return MaskValues(pixels[..., 0])


def _opaque(picture: Image.Image, file: Path) -> Image.Image:
    picture.info.pop("transparency", None)  # a transparent palette entry is still a value
    if picture.mode not in ("LA", "RGBA"):
        return picture
    if picture.getchannel("A").getextrema() != (255, 255):
        raise DataError(
            f"{file} has transparent pixels; expected a class for every pixel. Save it without an "
            "alpha channel."
        )
    return picture.convert(picture.mode[:-1])


def _levels(picture: Image.Image, file: Path) -> Codes:
    levels = np.asarray(picture)
    if picture.mode == "L":
        return levels
    if picture.mode == "1":
        return levels.astype(np.uint8)
    if picture.mode in (*DEEP, "I") and levels.min() >= 0 and levels.max() <= 65535:
        deep = levels.astype(np.uint16)
        return ~deep if picture.mode in DEEP and white_is_zero(picture) else deep
    if picture.mode == "RGB" and (levels == levels[..., :1]).all():  # grey, saved as colour
        return levels[..., 0]
    if picture.mode == "RGB":
        raise DataError(
            f"{file} is in colour; expected palette indices or grey levels. Convert it, or add a "
            'classes.json with the colour of each class, {"cell": [255, 0, 0], ...}.'
        )
    raise DataError(_unsupported(picture, file))


def _colors(picture: Image.Image, file: Path) -> Codes:
    if picture.mode not in ("1", "L", "P", "RGB"):
        raise DataError(_unsupported(picture, file))
    rgb = np.asarray(picture.convert("RGB")).astype(np.uint32)
    return rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def _unsupported(picture: Image.Image, file: Path) -> str:
    return (
        f"{file} has pixels of Pillow mode {picture.mode}; expected a palette, grey levels from 0 "
        "to 65535, or RGB. Save it as PNG with a palette."
    )
