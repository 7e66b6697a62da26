"""Pixel counts of the values in mask files, cached."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from canon.data.scan_cache import ScanRecord, cached_scan
from canon.data.targets.mask_codes import MAX_CLASSES, MaskCodes, format_codes, value_code
from canon.data.targets.masks import read_codes
from canon.errors import DataError
from canon.utils.progress import Progress

MAX_VALUES = 512  # more distinct values than a mask can have: 255 classes and ignored ones


@dataclass(frozen=True)
class MaskHistogram:
    """Pixel counts and digest of the values in a mask file, or why it cannot be read.

    If the values are indices, `colors` are those of `codes`, as 0xRRGGBB.
    """

    height: int = 0
    width: int = 0
    codes: tuple[int, ...] = ()
    pixels: tuple[int, ...] = ()
    digest: str = ""
    bilevel: bool = False
    colors: tuple[int, ...] = ()
    fault: str | None = None

    def by_class(self, values: MaskCodes) -> dict[int, int]:
        """Pixels of each class that occurs, and of `IGNORE`."""
        index_of, counts = values.classes(), dict[int, int]()
        for code, pixels in self._coded(values):
            if code in index_of:
                counts[index_of[code]] = counts.get(index_of[code], 0) + pixels
        return counts

    def unknown(self, values: MaskCodes) -> dict[int, int]:
        """Pixels of each value that is neither a class nor ignored."""
        index_of = values.classes()
        return {code: pixels for code, pixels in self._coded(values) if code not in index_of}

    def _coded(self, values: MaskCodes) -> Iterator[tuple[int, int]]:
        """Each value and its pixels."""
        white = values.white if self.bilevel else 1
        return (
            (code * white, pixels) for code, pixels in zip(self.codes, self.pixels, strict=True)
        )


def mask_histograms(
    source: str, files: Sequence[Path], colors: bool, progress: Progress | None = None
) -> dict[Path, MaskHistogram]:
    """The histogram of each mask file, cached.

    Args:
        source: the dataset of the files.
        files: the masks.
        colors: whether their values are colours.
        progress: wraps the files while they are read; also takes their number.
    """
    kind = "mask-colors" if colors else "mask-levels"
    records = cached_scan(kind, source, files, partial(_record, colors=colors), progress)
    return {
        file: MaskHistogram(**record | {k: tuple(record[k]) for k in ("codes", "pixels", "colors")})
        for file, record in records.items()
    }


def _record(file: Path, colors: bool) -> ScanRecord:
    return asdict(_histogram(file, colors))


def _histogram(file: Path, colors: bool) -> MaskHistogram:
    try:
        codes, bilevel, palette = read_codes(file, colors)
    except DataError as reason:
        return MaskHistogram(fault=str(reason))
    height, width = codes.shape
    found, pixels = np.unique(codes, return_counts=True)
    if len(found) > MAX_VALUES:
        fault = (
            f"{file} contains {len(found):,} distinct values, like a photograph or a blurred "
            f"mask; expected at most {MAX_CLASSES} classes. Save masks as PNG without "
            "antialiasing."
        )
        return MaskHistogram(height, width, fault=fault)
    digest = hashlib.blake2b(codes.tobytes(), digest_size=16).hexdigest()
    counts = tuple(found.tolist()), tuple(pixels.tolist())
    of_codes = []
    if palette is not None:  # an index beyond the palette is black
        padded = np.pad(palette, ((0, 256), (0, 0)))[found]
        of_codes = [value_code(tuple(color)) for color in padded.tolist()]
    return MaskHistogram(height, width, *counts, digest, bilevel, tuple(of_codes))


def differing_palettes(histograms: dict[Path, MaskHistogram]) -> str:
    """A note if the same index has several colours, or an empty text."""
    seen: dict[int, tuple[int, Path]] = {}
    for file, one in histograms.items():
        for code, color in () if one.bilevel else zip(one.codes, one.colors, strict=False):
            known, other = seen.setdefault(code, (color, file))
            if known != color:
                colors = format_codes((known,), True), format_codes((color,), True)
                return (
                    f"the palettes of masks differ: index {code} is {colors[0]} in {other.name}, "
                    f"{colors[1]} in {file.name}; classes are the indices. If they are the "
                    "colours, list these in classes.json"
                )
    return ""
