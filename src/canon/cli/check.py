"""`canon check`: read every image of a dataset and report problems."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from canon.cli.console import console, progress_bars, show
from canon.cli.flags import Switch

if TYPE_CHECKING:
    from canon.data import DataReport, Dataset


@dataclass(frozen=True)
class Command:
    """Read every image and mask; report classes, sizes, unreadable files and duplicates.

    The exit code is 1 if there are unreadable files, invalid masks, or images that occur in two
    splits.

    Args:
        data: a folder with one subfolder per class, or with images/ and masks/; a folder of idx
            files or CIFAR batches; an npz file; or a name from `canon list data`.
        json: print JSON.
    """

    data: tyro.conf.Positional[str] = "digits"
    json: Switch = False


def run(command: Command) -> int:
    """Print the report."""
    from canon.data import check_data, open_data

    data = open_data(command.data)
    with progress_bars() as bars:
        report = check_data(data, bars.reading)
    _print_json(data, report) if command.json else _print(data, report)
    return 0 if report.sound else 1


def _print_json(data: "Dataset", report: "DataReport") -> None:
    images = report.images
    found = {
        "source": data.source, "classes": data.classes, "counts": report.targets.counts,
        "formats": images.formats, "channels": images.channels, "bits": images.bits,
        "sides": images.sides, "faults": {str(f): why for f, why in report.faults.items()},
        "duplicates": images.duplicates, "ignored": [str(f) for f in report.ignored],
        "notes": data.notes,
        "sound": report.sound,
    }  # fmt: skip
    print(json.dumps(found | report.targets.record(), indent=1))


def _print(data: "Dataset", report: "DataReport") -> None:
    out, images = console(), report.images
    show(report.targets.table(data.classes))
    out.print()
    out.print("images: " + ", ".join(f"{count:,} {kind}" for kind, count in images.formats.items()))
    low_h, high_h, low_w, high_w = images.sides
    height = low_h if low_h == high_h else f"{low_h} to {high_h}"
    width = low_w if low_w == high_w else f"{low_w} to {high_w}"
    out.print(f"height {height} pixels, width {width}")
    for note in data.notes:
        out.print(note)
    _print_list("ignored: not images, or in no split", [str(f) for f in report.ignored])
    _print_list("duplicates in two splits", [f"{a} and {b}" for a, b in images.duplicates])
    _print_list("unreadable or invalid", grouped(report.faults.values()))
    out.print("no problems found" if report.sound else "problems found: see above")


def grouped(faults: Iterable[str]) -> list[str]:
    """Faults, those of one kind in one line: they differ in the file and its pixels only."""
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        kinds.setdefault(re.sub(r"^\S+|\([\d,]+ pixels?\)", "", fault), []).append(fault)
    lines = []
    for same in kinds.values():
        more = f" ({len(same) - 1:,} more files like that)" if len(same) > 1 else ""
        lines.append(same[0] + more)
    return lines


def _print_list(title: str, lines: list[str], most: int = 20) -> None:
    out = console()
    if lines:
        out.print(f"{len(lines):,} {title}:")
    for line in lines[:most]:
        out.print(f"  {line}")
    if len(lines) > most:
        out.print(f"  and {len(lines) - most:,} more")
