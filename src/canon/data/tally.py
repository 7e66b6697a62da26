"""The values in mask files and how many pixels hold each, counted once and remembered."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from canon.data.masks import MOST, MaskValues, read_codes
from canon.data.memory import Progress, Record, remembered
from canon.errors import DataError

MANY = 512  # different values that no mask has: 255 classes, and some to ignore


@dataclass(frozen=True)
class Tally:
    """What one mask file holds, before its values mean anything, or why it cannot be read."""

    height: int = 0
    width: int = 0
    codes: tuple[int, ...] = ()
    pixels: tuple[int, ...] = ()
    fault: str | None = None

    def by_class(self, values: MaskValues) -> dict[int, int]:
        """Pixels of each class and of `IGNORE`, where there are any."""
        known, counts = values.classes(), dict[int, int]()
        for one, pixels in zip(self.codes, self.pixels, strict=True):
            if one in known:
                counts[known[one]] = counts.get(known[one], 0) + pixels
        return counts

    def strange(self, values: MaskValues) -> dict[int, int]:
        """Pixels of each value that is no class and not ignored."""
        known, counts = values.classes(), zip(self.codes, self.pixels, strict=True)
        return {one: pixels for one, pixels in counts if one not in known}


def tallies(
    source: str, files: Sequence[Path], colours: bool, progress: Progress | None = None
) -> dict[Path, Tally]:
    """The values in each mask file, and how many pixels hold each; remembered.

    Args:
        source: the data set that the files belong to.
        files: the masks.
        colours: whether their values are colours.
        progress: wraps the files while they are read, given how many there are.
    """
    kind = "mask-colours" if colours else "mask-levels"
    records = remembered(kind, source, files, partial(_record, colours=colours), progress)
    return {
        file: Tally(**record | {name: tuple(record[name]) for name in ("codes", "pixels")})
        for file, record in records.items()
    }


def _record(file: Path, colours: bool) -> Record:
    return asdict(_tally(file, colours))


def _tally(file: Path, colours: bool) -> Tally:
    try:
        codes = read_codes(file, colours)
    except DataError as reason:
        return Tally(fault=str(reason))
    height, width = codes.shape
    found, pixels = np.unique(codes, return_counts=True)
    if len(found) > MANY:
        fault = (
            f"{file} holds {len(found):,} different values, as a photograph or a blurred mask "
            f"does; expected at most {MOST} classes. Save masks as PNG, without antialiasing."
        )
        return Tally(height, width, fault=fault)
    return Tally(height, width, tuple(found.tolist()), tuple(pixels.tolist()))
