"""Scan every mask: unknown values, sizes, and pixels of each class."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from canon.data.checks.images import ImageReport
from canon.data.dataset import Dataset
from canon.data.images.reader import multi_page_fault
from canon.data.targets.mask_codes import MaskCodes, describe_unknown_values
from canon.data.targets.mask_histogram import MaskHistogram, mask_histograms
from canon.data.targets.masks import Masks
from canon.data.types import IGNORE
from canon.utils.progress import Progress
from canon.utils.tables import Column, Table

Size = tuple[int, int]  # height and width in pixels


@dataclass(frozen=True)
class MaskReport:
    """What the masks of a dataset hold; pairs with a fault are not counted.

    Args:
        codes: what their values mean.
        images: pairs in each split.
        counts: images that show each class, in each split.
        pixels: of each class, in each split.
        ignored_pixels: of each split.
        faults: unusable masks, and images of several pages, with the reason.
        digests: of the values of each mask.
    """

    codes: MaskCodes
    images: dict[str, int]
    counts: dict[str, tuple[int, ...]]
    pixels: dict[str, tuple[int, ...]]
    ignored_pixels: dict[str, int]
    faults: dict[Path, str]
    digests: dict[Path, str]

    def table(self, classes: Sequence[str]) -> Table:
        """Images that show each class, and its share of all pixels, ignored ones included."""
        columns = [Column("class")]
        cells: list[Sequence[object]] = [(*classes, "ignored", "all")]
        for split, count in self.images.items():
            pixels = (*self.pixels[split], self.ignored_pixels[split])
            total = max(1, sum(pixels))
            columns += [Column(f"{split} images", "count"), Column(f"{split} pixels", "fraction")]
            cells.append((*self.counts[split], None, count))
            cells.append((*(n / total for n in pixels), None))
        rows = list(zip(*cells, strict=True))
        if not any(self.ignored_pixels.values()):
            del rows[-2]
        return Table(tuple(columns), tuple(rows))

    def record(self) -> dict[str, Any]:
        """Codes and pixel counts."""
        return {
            "masks": asdict(self.codes),
            "images": self.images,
            "pixels": self.pixels,
            "ignored_pixels": self.ignored_pixels,
        }

    def contents(self, targets: Masks) -> Iterator[str]:
        """The digest of each mask."""
        return (self.digests[file] for file in targets.files)


def check_masks(
    targets: Masks, data: Dataset, images: ImageReport, progress: Progress | None
) -> MaskReport:
    """Read every mask of a dataset.

    Args:
        targets: of the training split.
        data: the dataset.
        images: what its images are.
        progress: wraps the masks while they are read, given how many there are.
    """
    pairs = {
        name: list(zip(split.images.files, split.targets.files, strict=True))
        for name, split in data.splits.items()
    }
    masks = [mask for split in pairs.values() for _, mask in split]
    scans = mask_histograms(data.source, masks, targets.codes.colors, progress)
    stacks = {
        file: fault
        for split in pairs.values()
        for file, _ in split
        if (fault := multi_page_fault(file))
    }
    sizes = {file: size for file, size in images.sizes.items() if file not in stacks}
    faults = {
        mask: fault
        for split in pairs.values()
        for file, mask in split
        if (fault := _fault(mask, scans[mask], targets.codes, sizes.get(file)))
    }
    digests = {mask: scan.digest for mask, scan in scans.items()}
    report = MaskReport(targets.codes, data.sizes, {}, {}, {}, stacks | faults, digests)
    for name, split in pairs.items():
        good = [scans[mask] for file, mask in split if file in sizes and mask not in faults]
        table = np.zeros((len(good), IGNORE + 1), np.int64)
        for row, scan in zip(table, good, strict=True):
            counts = scan.by_class(targets.codes)
            row[list(counts)] = list(counts.values())
        classes = table[:, : len(targets.classes)]
        report.counts[name] = tuple(np.count_nonzero(classes, 0).tolist())
        report.pixels[name] = tuple(classes.sum(0).tolist())
        report.ignored_pixels[name] = int(table[:, IGNORE].sum())
    return report


def _fault(mask: Path, tally: MaskHistogram, values: MaskCodes, size: Size | None) -> str | None:
    """The reason why a mask is unusable, or None."""
    if fault := tally.fault or multi_page_fault(mask):
        return fault
    if size not in (None, (tally.height, tally.width)):
        return size_mismatch(mask, (tally.height, tally.width), size)
    unknown = tally.unknown(values)
    return describe_unknown_values(mask, values, unknown) if unknown else None


def size_mismatch(mask: Path, its: Size, image: Size) -> str:
    """The message for a mask of another size than its image."""
    return (
        f"{mask} has {its[0]} x {its[1]} pixels, its image {image[0]} x {image[1]}; expected as "
        "many. Export the mask at the image's size, or crop both alike."
    )
