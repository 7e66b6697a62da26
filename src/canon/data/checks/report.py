"""What a check of a dataset found."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from canon.data.checks.images import ImageReport, check_images
from canon.data.checks.targets import check_targets
from canon.data.dataset import Dataset
from canon.data.images.listing import kind_of
from canon.data.images.reader import is_image
from canon.utils.progress import Progress
from canon.utils.tables import Table

TEXTS = {".txt", ".md", ".csv", ".json", ".xml", ".pdf", ".html", ".py", ".log", ".yaml", ".yml"}


class TargetReport(Protocol):
    """What a check of labels or masks found."""

    @property
    def faults(self) -> dict[Path, str]:
        """Unusable files, with the reason."""

    @property
    def counts(self) -> dict[str, tuple[int, ...]]:
        """Images of each class in each split; of masks, images that show it."""

    def table(self, classes: Sequence[str]) -> Table:
        """What `canon check` prints."""

    def record(self) -> dict[str, Any]:
        """What only this kind of target has, as plain JSON."""

    def contents(self, targets: Any, /) -> Iterator[str]:
        """A text for each target that changes with its content."""


@dataclass(frozen=True)
class DataReport:
    """What `check_data` found.

    Args:
        images: what the images are.
        targets: what they are to be predicted as.
        ignored: files that are not images, or in no split.
        digests: of each split: of the names, pixels and targets of its readable samples.
    """

    images: ImageReport
    targets: TargetReport
    ignored: tuple[Path, ...] = ()
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> dict[Path, str]:
        """Every unusable file, with the reason."""
        return self.images.faults | self.targets.faults

    @property
    def left_out(self) -> dict[str, int]:
        """Files that may be images and are not used: how many of each suffix."""
        files = (path for path in self.ignored if path.suffix.lower() not in TEXTS)
        counts = Counter(
            "in no class" if is_image(path) else kind_of(path)
            for path in files if not path.is_dir()
        )  # fmt: skip
        return dict(counts.most_common())

    @property
    def sound(self) -> bool:
        """Whether the dataset has no faults and no duplicates."""
        return not self.faults and not self.images.duplicates


def check_data(data: Dataset, progress: Progress | None = None) -> DataReport:
    """Decode every image and mask of a dataset and report faults, sizes and classes.

    Args:
        data: the dataset.
        progress: wraps the files while they are read, given how many there are.
    """
    images = check_images(data, progress)
    targets = check_targets(data.targets, data, images, progress)
    return DataReport(images, targets, data.ignored, _digests(data, images, targets))


def _digests(data: Dataset, images: ImageReport, targets: TargetReport) -> dict[str, str]:
    """One digest for each split, the same wherever the dataset lies."""
    faults, found = {*images.faults, *targets.faults}, {}
    for name, split in data.splits.items():
        whole = hashlib.blake2b(digest_size=16)
        masks = map(str, split.targets.files or split.images.names)
        contents = targets.contents(split.targets)
        samples = zip(split.images.names, masks, images.digests[name], contents, strict=True)
        for image, mask, pixels, target in samples:
            if faults.isdisjoint((Path(image), Path(mask))):
                place = os.path.relpath(image, data.source) if split.images.files else image
                line = f"{place} {pixels} {target}\n"
                whole.update(line.encode(errors="surrogateescape"))
        found[name] = whole.hexdigest()
    return found
