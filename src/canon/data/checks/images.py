"""Scan every image: unreadable files, sizes, formats and duplicates."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from canon.data.dataset import Dataset, Split
from canon.data.images.reader import read_image
from canon.data.scan_cache import ScanRecord, cached_scan
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


def file_scans(
    data: Dataset, verdicts: dict[Path, ImageScan]
) -> Iterator[tuple[str, dict[str, ImageScan]]]:
    """Each split with the scan of each of its files."""
    for name, part in data.parts.items():
        yield name, {str(file): verdicts[file] for file in part.files}


def array_scans(data: Dataset) -> Iterator[tuple[str, dict[str, ImageScan]]]:
    """Each split with the scan of each of its images in memory."""
    for name, part in data.parts.items():
        yield name, {f"{name} #{i}": v for i, v in enumerate(_array_scans(part))}


def _array_scans(part: Split) -> Iterator[ImageScan]:
    assert part.images is not None
    _, height, width, channels = part.images.shape
    bits = 8 * part.images.dtype.itemsize
    for image in part.images:
        digest = hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()
        yield ImageScan(height, width, channels, bits, digest)


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
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16)
    digest.update(f"{height} {width}".encode())
    return ImageScan(height, width, channels, 8 * pixels.dtype.itemsize, digest.hexdigest())
