"""Scan every mask: unknown values, sizes, and pixels of each class."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from canon.data.dataset import Dataset, Split
from canon.data.images.reader import multi_page_fault
from canon.data.targets.mask_codes import MaskCodes, describe_unknown_values
from canon.data.targets.mask_histogram import MaskHistogram, mask_histograms
from canon.data.types import IGNORE
from canon.utils.progress import Progress

Size = tuple[int, int]  # height and width in pixels


class MaskFacts(NamedTuple):
    """What the masks of a set hold, those of pairs without a fault.

    Args:
        counts: images that show each class, in each split.
        pixels: of each class, in each split.
        ignored_pixels: of each split, those that count for nothing.
        faults: masks that cannot be used, with the reason.
    """

    counts: dict[str, tuple[int, ...]]
    pixels: dict[str, tuple[int, ...]]
    ignored_pixels: dict[str, int]
    faults: dict[Path, str]


def check_masks(data: Dataset, sizes: dict[Path, Size], progress: Progress | None) -> MaskFacts:
    """Look at every mask of a set.

    Args:
        data: a set with masks.
        sizes: of the images that can be read.
        progress: wraps the masks while they are read, given how many there are.
    """
    values = data.masks
    assert values is not None
    masks = [mask for part in data.parts.values() for mask in part.masks]
    seen = mask_histograms(data.source, masks, values.colours, progress)
    faults = {
        mask: why
        for part in data.parts.values()
        for file, mask in zip(part.files, part.masks, strict=True)
        if (why := _fault(mask, seen[mask], values, sizes.get(file)))
    }
    facts = MaskFacts({}, {}, {}, faults)
    for split, part in data.parts.items():
        good = [seen[mask] for mask in _good(part, sizes, faults)]
        table = np.zeros((len(good), IGNORE + 1), np.int64)
        for row, tally in zip(table, good, strict=True):
            counts = tally.by_class(values)
            row[list(counts)] = list(counts.values())
        classes = table[:, : len(data.classes)]
        facts.counts[split] = tuple(np.count_nonzero(classes, 0).tolist())
        facts.pixels[split] = tuple(classes.sum(0).tolist())
        facts.ignored_pixels[split] = int(table[:, IGNORE].sum())
    return facts


def _good(part: Split, sizes: dict[Path, Size], faults: dict[Path, str]) -> Iterator[Path]:
    for file, mask in zip(part.files, part.masks, strict=True):
        if file in sizes and mask not in faults:
            yield mask


def _fault(mask: Path, tally: MaskHistogram, values: MaskCodes, size: Size | None) -> str | None:
    """Why a mask cannot be used, if it cannot; of an unreadable image's, only what it says."""
    if fault := tally.fault or multi_page_fault(mask):
        return fault
    if size not in (None, (tally.height, tally.width)):
        return size_mismatch(mask, (tally.height, tally.width), size)
    unknown = tally.strange(values)
    return describe_unknown_values(mask, values, unknown) if unknown else None


def size_mismatch(mask: Path, its: Size, image: Size) -> str:
    """What is to be said of a mask of another size than its image."""
    return (
        f"{mask} has {its[0]} x {its[1]} pixels, its image {image[0]} x {image[1]}; expected as "
        "many. Export the mask at the image's size, or crop both alike."
    )
