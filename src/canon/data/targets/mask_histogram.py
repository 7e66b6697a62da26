"""The values in a mask file and the pixels of each, cached."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from canon.data.scan_cache import ScanRecord, cached_scan
from canon.data.targets.mask_codes import MAX_CLASSES, MaskCodes
from canon.data.targets.masks import read_codes
from canon.errors import DataError
from canon.utils.progress import Progress

MAX_VALUES = 512  # different values that no mask has: 255 classes, and some to ignore


@dataclass(frozen=True)
class MaskHistogram:
    """What one mask file holds, before its values mean anything, or why it cannot be read."""

    height: int = 0
    width: int = 0
    codes: tuple[int, ...] = ()
    pixels: tuple[int, ...] = ()
    fault: str | None = None

    def by_class(self, values: MaskCodes) -> dict[int, int]:
        """Pixels of each class and of `IGNORE`, where there are any."""
        known, counts = values.classes(), dict[int, int]()
        for one, pixels in zip(self.codes, self.pixels, strict=True):
            if one in known:
                counts[known[one]] = counts.get(known[one], 0) + pixels
        return counts

    def strange(self, values: MaskCodes) -> dict[int, int]:
        """Pixels of each value that is no class and not ignored."""
        known, counts = values.classes(), zip(self.codes, self.pixels, strict=True)
        return {one: pixels for one, pixels in counts if one not in known}


def mask_histograms(
    source: str, files: Sequence[Path], colours: bool, progress: Progress | None = None
) -> dict[Path, MaskHistogram]:
    """The values in each mask file, and how many pixels hold each; remembered.

    Args:
        source: the data set that the files belong to.
        files: the masks.
        colours: whether their values are colours.
        progress: wraps the files while they are read, given how many there are.
    """
    kind = "mask-colours" if colours else "mask-levels"
    records = cached_scan(kind, source, files, partial(_record, colours=colours), progress)
    return {
        file: MaskHistogram(**record | {name: tuple(record[name]) for name in ("codes", "pixels")})
        for file, record in records.items()
    }


def _record(file: Path, colours: bool) -> ScanRecord:
    return asdict(_histogram(file, colours))


def _histogram(file: Path, colours: bool) -> MaskHistogram:
    try:
        codes = read_codes(file, colours)
    except DataError as reason:
        return MaskHistogram(fault=str(reason))
    height, width = codes.shape
    found, pixels = np.unique(codes, return_counts=True)
    if len(found) > MAX_VALUES:
        fault = (
            f"{file} holds {len(found):,} different values, as a photograph or a blurred mask "
            f"does; expected at most {MAX_CLASSES} classes. Save masks as PNG, without "
            "antialiasing."
        )
        return MaskHistogram(height, width, fault=fault)
    return MaskHistogram(height, width, tuple(found.tolist()), tuple(pixels.tolist()))
