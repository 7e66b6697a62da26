"""Looking at every file before training: what is unreadable, doubled, too small, or uneven."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from canon.data.dataset import Dataset, Part
from canon.data.memory import VERSION, Progress, Record, file_mark, remembered
from canon.data.pair_check import check_pairs
from canon.data.reader import read_image, stacked
from canon.errors import DataError

__all__ = ["VERSION", "Progress", "Report", "Verdict", "check", "file_mark"]


@dataclass(frozen=True)
class Verdict:
    """What one file holds, or why it cannot be read."""

    height: int = 0
    width: int = 0
    channels: int = 0
    bits: int = 8
    digest: str = ""
    fault: str | None = None


@dataclass(frozen=True)
class Report:
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


def check(data: Dataset, progress: Progress | None = None) -> Report:
    """Decode every image and mask of a set and say what is there.

    Args:
        data: the set.
        progress: wraps the files while they are read, given how many there are.
    """
    files = [file for part in data.parts.values() for file in part.files]
    verdicts = _judge(data.source, files, progress) if files else {}
    facts = dict(_file_facts(data, verdicts)) if files else dict(_array_facts(data))
    good = [v for part in facts.values() for v in part.values() if v.fault is None]
    report = Report(
        counts={
            name: tuple(np.bincount(part.labels, minlength=len(data.classes)).tolist())
            for name, part in data.parts.items()
        },
        channels=max((v.channels for v in good), default=3),
        bits=max((v.bits for v in good), default=8),
        sides=_sides(good),
        formats=dict(Counter(f"{v.bits}-bit {'grey' if v.channels == 1 else 'RGB'}" for v in good)),
        faults={file: v.fault for file, v in verdicts.items() if v.fault},
        doubles=_doubles(facts),
        ignored=data.ignored,
    )
    if not data.dense:
        return report
    stacks = {file: why for file in verdicts if (why := stacked(file))}
    sizes = {
        file: (v.height, v.width)
        for file, v in verdicts.items()
        if v.fault is None and file not in stacks
    }
    found = check_pairs(data, sizes, progress)
    return replace(
        report,
        counts=found.counts,
        pixels=found.pixels,
        ignored_pixels=found.ignored_pixels,
        faults=report.faults | stacks | found.faults,
    )


def _sides(good: list[Verdict]) -> tuple[int, int, int, int]:
    heights, widths = [v.height for v in good] or [0], [v.width for v in good] or [0]
    return min(heights), max(heights), min(widths), max(widths)


def _file_facts(
    data: Dataset, verdicts: dict[Path, Verdict]
) -> Iterator[tuple[str, dict[str, Verdict]]]:
    for name, part in data.parts.items():
        yield name, {str(file): verdicts[file] for file in part.files}


def _array_facts(data: Dataset) -> Iterator[tuple[str, dict[str, Verdict]]]:
    for name, part in data.parts.items():
        yield name, {f"{name} #{i}": v for i, v in enumerate(_array_verdicts(part))}


def _array_verdicts(part: Part) -> Iterator[Verdict]:
    assert part.images is not None
    _, height, width, channels = part.images.shape
    bits = 8 * part.images.dtype.itemsize
    for image in part.images:
        digest = hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()
        yield Verdict(height, width, channels, bits, digest)


def _doubles(facts: dict[str, dict[str, Verdict]]) -> tuple[tuple[str, str], ...]:
    seen: dict[str, tuple[str, str]] = {}
    pairs = []
    for split, verdicts in facts.items():
        for sample, verdict in verdicts.items():
            if verdict.fault is None:
                first_split, first = seen.setdefault(verdict.digest, (split, sample))
                if first_split != split:
                    pairs.append((first, sample))
    return tuple(pairs)


def _judge(source: str, files: list[Path], progress: Progress | None) -> dict[Path, Verdict]:
    records = remembered("checks", source, files, _record, progress)
    return {file: Verdict(**record) for file, record in records.items()}


def _record(file: Path) -> Record:
    return asdict(_verdict(file))


def _verdict(file: Path) -> Verdict:
    try:
        pixels = read_image(file)
    except DataError as reason:
        return Verdict(fault=str(reason))
    height, width, channels = pixels.shape
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16)
    digest.update(f"{height} {width}".encode())
    return Verdict(height, width, channels, 8 * pixels.dtype.itemsize, digest.hexdigest())
