"""What a check of a dataset found."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from canon.data.checks.images import (
    ImageScan,
    array_scans,
    file_scans,
    find_duplicates,
    scan_images,
)
from canon.data.checks.masks import check_masks
from canon.data.dataset import Dataset
from canon.data.images.reader import multi_page_fault
from canon.utils.progress import Progress


@dataclass(frozen=True)
class DataReport:
    """What `check` found.

    Args:
        counts: images of each class in each split; where masks have the classes, images that show
            it.
        channels: 1 if all are grey, else 3.
        bits: 16 if any image has 16, else 8.
        sides: smallest and largest height and width: (h, h, w, w) in pixels.
        formats: how many images of each kind, such as "8-bit grey".
        faults: unreadable files with the reason; masks of another size than their image, or with
            values that are no class.
        doubles: pairs of identical images in different splits.
        ignored: files that are not images, or in no split.
        pixels: where masks have the classes, pixels of each class in each split.
        ignored_pixels: of each split, those that count for nothing.
    """

    counts: dict[str, tuple[int, ...]]
    channels: int
    bits: int
    sides: tuple[int, int, int, int]
    formats: dict[str, int]
    faults: dict[Path, str]
    doubles: tuple[tuple[str, str], ...]
    ignored: tuple[Path, ...] = ()
    pixels: dict[str, tuple[int, ...]] = field(default_factory=dict)
    ignored_pixels: dict[str, int] = field(default_factory=dict)

    @property
    def side(self) -> int | None:
        """The side that all images have, if they are all the same square."""
        return self.sides[0] if len(set(self.sides)) == 1 else None

    @property
    def sound(self) -> bool:
        """Whether nothing was found that spoils training or its evaluation."""
        return not self.faults and not self.doubles


def check_data(data: Dataset, progress: Progress | None = None) -> DataReport:
    """Decode every image and mask of a set and say what is there.

    Args:
        data: the set.
        progress: wraps the files while they are read, given how many there are.
    """
    files = [file for part in data.parts.values() for file in part.files]
    verdicts = scan_images(data.source, files, progress) if files else {}
    facts = dict(file_scans(data, verdicts)) if files else dict(array_scans(data))
    good = [v for part in facts.values() for v in part.values() if v.fault is None]
    report = DataReport(
        counts={
            name: tuple(np.bincount(part.labels, minlength=len(data.classes)).tolist())
            for name, part in data.parts.items()
        },
        channels=max((v.channels for v in good), default=3),
        bits=max((v.bits for v in good), default=8),
        sides=_sides(good),
        formats=dict(Counter(f"{v.bits}-bit {'grey' if v.channels == 1 else 'RGB'}" for v in good)),
        faults={file: v.fault for file, v in verdicts.items() if v.fault},
        doubles=find_duplicates(facts),
        ignored=data.ignored,
    )
    if not data.dense:
        return report
    stacks = {file: why for file in verdicts if (why := multi_page_fault(file))}
    sizes = {
        file: (v.height, v.width)
        for file, v in verdicts.items()
        if v.fault is None and file not in stacks
    }
    found = check_masks(data, sizes, progress)
    return replace(
        report,
        counts=found.counts,
        pixels=found.pixels,
        ignored_pixels=found.ignored_pixels,
        faults=report.faults | stacks | found.faults,
    )


def _sides(good: list[ImageScan]) -> tuple[int, int, int, int]:
    heights, widths = [v.height for v in good] or [0], [v.width for v in good] or [0]
    return min(heights), max(heights), min(widths), max(widths)
