"""Scan every image: unreadable files, sizes, formats and duplicates."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from canon.data.dataset import Dataset, Split
from canon.data.images.reader import read_image
from canon.data.scan_cache import ScanRecord, cached_scan
from canon.data.types import Pixels
from canon.errors import DataError
from canon.utils.progress import Progress


@dataclass(frozen=True)
class ImageScan:
    """What one file holds, or why it cannot be read."""

    height: int = 0
    width: int = 0
    channels: int = 0
    bits: int = 8
    digest: str = ""
    fault: str | None = None


@dataclass(frozen=True)
class ImageReport:
    """What the images of a dataset are.

    Args:
        channels: 1 if all are grey, else 3.
        bits: 16 if any image has 16, else 8.
        sides: smallest and largest height and width: (h, h, w, w) in pixels.
        formats: how many images of each kind, such as "8-bit grey".
        faults: unreadable files, with the reason.
        duplicates: pairs of identical images in different splits.
        sizes: height and width of each readable file in pixels.
        digests: of the pixels of each image, by split; empty for unreadable ones.
    """

    channels: int
    bits: int
    sides: tuple[int, int, int, int]
    formats: dict[str, int]
    faults: dict[Path, str]
    duplicates: tuple[tuple[str, str], ...]
    sizes: dict[Path, tuple[int, int]]
    digests: dict[str, tuple[str, ...]]

    @property
    def side(self) -> int | None:
        """The side that all images have, if they are all the same square."""
        return self.sides[0] if len(set(self.sides)) == 1 else None

    @property
    def size_in_words(self) -> str:
        """Width and height of the images in pixels, such as "240 x 180"."""
        low_h, high_h, low_w, high_w = self.sides
        width, height = (
            f"{low:,}" if low == high else f"{low:,} to {high:,}"
            for low, high in ((low_w, high_w), (low_h, high_h))
        )
        ranges = (low_h, low_w) != (high_h, high_w)
        return f"{width} by {height} pixels" if ranges else f"{width} x {height}"


def check_images(data: Dataset, progress: Progress | None = None) -> ImageReport:
    """Decode every image of a dataset.

    Args:
        data: the dataset.
        progress: wraps the files while they are read, given how many there are.
    """
    files = [file for split in data.splits.values() for file in split.images.files]
    scans = scan_images(data.source, files, progress) if files else {}
    listed = {name: list(_scans(name, split, scans)) for name, split in data.splits.items()}
    by_split = {name: dict(scans_of) for name, scans_of in listed.items()}
    good = [scan for split in by_split.values() for scan in split.values() if scan.fault is None]
    kinds = (f"{scan.bits}-bit {'grey' if scan.channels == 1 else 'RGB'}" for scan in good)
    return ImageReport(
        channels=max((scan.channels for scan in good), default=3),
        bits=max((scan.bits for scan in good), default=8),
        sides=_sides(good),
        formats=dict(Counter(kinds)),
        faults={file: scan.fault for file, scan in scans.items() if scan.fault},
        duplicates=find_duplicates(by_split),
        sizes={f: (scan.height, scan.width) for f, scan in scans.items() if scan.fault is None},
        digests={name: tuple(scan.digest for _, scan in listed[name]) for name in listed},
    )


def _scans(
    name: str, split: Split, scans: dict[Path, ImageScan]
) -> Iterator[tuple[str, ImageScan]]:
    """The scan of each image of a split, by its name."""
    if split.images.files:
        yield from ((str(file), scans[file]) for file in split.images.files)
        return
    for i, image_name in enumerate(split.images.names):
        yield f"{name} {image_name}", _scan_pixels(split.images[i])


def _scan_pixels(pixels: Pixels) -> ImageScan:
    height, width, channels = pixels.shape
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).hexdigest()
    return ImageScan(height, width, channels, 8 * pixels.dtype.itemsize, digest)


def _sides(good: list[ImageScan]) -> tuple[int, int, int, int]:
    heights, widths = [s.height for s in good] or [0], [s.width for s in good] or [0]
    return min(heights), max(heights), min(widths), max(widths)


def find_duplicates(facts: dict[str, dict[str, ImageScan]]) -> tuple[tuple[str, str], ...]:
    """Pairs of identical images in different splits."""
    seen: dict[str, tuple[str, str]] = {}
    pairs = []
    for split, verdicts in facts.items():
        for sample, verdict in verdicts.items():
            if verdict.fault is None:
                first_split, first = seen.setdefault(verdict.digest, (split, sample))
                if first_split != split:
                    pairs.append((first, sample))
    return tuple(pairs)


def scan_images(source: str, files: list[Path], progress: Progress | None) -> dict[Path, ImageScan]:
    """The scan of each file, cached."""
    records = cached_scan("checks", source, files, _record, progress)
    return {file: ImageScan(**record) for file, record in records.items()}


def _record(file: Path) -> ScanRecord:
    return asdict(_scan(file))


def _scan(file: Path) -> ImageScan:
    try:
        pixels = read_image(file)
    except DataError as reason:
        return ImageScan(fault=str(reason))
    height, width, channels = pixels.shape
    digest = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16)
    digest.update(f"{height} {width}".encode())
    return ImageScan(height, width, channels, 8 * pixels.dtype.itemsize, digest.hexdigest())
