"""Looking at every file before training: what is unreadable, doubled, too small, or uneven.

Verdicts are remembered by path, size and time of change, so that a second look is free.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from canon.data.cache import cache_dir, written_aside
from canon.data.dataset import Dataset, Part
from canon.data.reader import read_image
from canon.errors import DataError

VERSION = 1  # of what a verdict means; a change forgets the old ones
Progress = Callable[[Iterable[Path], int], Iterable[Path]]


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
        counts: images of each class in each split.
        channels: 1 if all are grey, else 3.
        bits: 16 if any image has 16, else 8.
        sides: smallest and largest height and width: (h, h, w, w) in pixels.
        formats: how many images of each kind, such as "8-bit grey".
        faults: unreadable files with the reason.
        doubles: pairs of identical images in different splits.
        ignored: files that are not images.
    """

    counts: dict[str, tuple[int, ...]]
    channels: int
    bits: int
    sides: tuple[int, int, int, int]
    formats: dict[str, int]
    faults: dict[Path, str]
    doubles: tuple[tuple[str, str], ...]
    ignored: tuple[Path, ...] = ()

    @property
    def side(self) -> int | None:
        """The side that all images have, if they are all the same square."""
        return self.sides[0] if len(set(self.sides)) == 1 else None

    @property
    def sound(self) -> bool:
        """Whether nothing was found that spoils training or its evaluation."""
        return not self.faults and not self.doubles


def check(data: Dataset, progress: Progress | None = None) -> Report:
    """Decode every image of a set and say what is there.

    Args:
        data: the set.
        progress: wraps the files while they are read, given how many there are.
    """
    files = [file for part in data.parts.values() for file in part.files]
    verdicts = _judge(data.source, files, progress) if files else {}
    facts = dict(_file_facts(data, verdicts)) if files else dict(_array_facts(data))
    good = [v for part in facts.values() for v in part.values() if v.fault is None]
    heights, widths = [v.height for v in good] or [0], [v.width for v in good] or [0]
    return Report(
        counts={
            name: tuple(np.bincount(part.labels, minlength=len(data.classes)).tolist())
            for name, part in data.parts.items()
        },
        channels=max((v.channels for v in good), default=3),
        bits=max((v.bits for v in good), default=8),
        sides=(min(heights), max(heights), min(widths), max(widths)),
        formats=dict(Counter(f"{v.bits}-bit {'grey' if v.channels == 1 else 'RGB'}" for v in good)),
        faults={file: v.fault for file, v in verdicts.items() if v.fault},
        doubles=_doubles(facts),
        ignored=data.ignored,
    )


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
    key = hashlib.blake2b(
        f"{VERSION} {Path(source).resolve()}".encode(), digest_size=16
    ).hexdigest()
    memory = cache_dir("checks") / f"{key}.json"
    known = _remembered(memory)
    marks = {file: file_mark(file) for file in files}
    sound = {f for f, (_, verdict) in known.items() if not verdict["fault"]}  # others may be mended
    new = [f for f in files if str(f) not in sound or known[str(f)][0] != marks[f]]
    with ThreadPoolExecutor() as pool:
        seen = progress(new, len(new)) if progress else new
        judged = dict(zip(new, pool.map(_verdict, seen), strict=True))
    verdicts = {f: judged[f] if f in judged else Verdict(**known[str(f)][1]) for f in files}
    if new:
        with written_aside(memory) as aside:
            aside.write_text(
                json.dumps({str(f): (marks[f], asdict(v)) for f, v in verdicts.items()})
            )
    return verdicts


def _remembered(memory: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    try:
        return json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}


def file_mark(file: Path) -> str:
    """What changes when a file does: its size and the time it was written."""
    try:
        status = file.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def _verdict(file: Path) -> Verdict:
    try:
        pixels = read_image(file)
    except DataError as reason:
        return Verdict(fault=str(reason))
    height, width, channels = pixels.shape
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16)
    digest.update(f"{height} {width}".encode())
    return Verdict(height, width, channels, 8 * pixels.dtype.itemsize, digest.hexdigest())
