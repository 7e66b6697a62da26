"""`canon check`: read every image of a dataset and report faults."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import tyro

from canon.cli.console import console, percent, progress_bars, show_table

if TYPE_CHECKING:
    from canon.data import DataReport, Dataset


@dataclass(frozen=True)
class Command:
    """Read every image and mask and report counts, sizes, bad files and doubles across splits.

    Exit status 1 if there are unreadable files, masks that do not fit, or doubles.

    Args:
        data: a folder of class folders, of images and masks, of idx files or of CIFAR batches, an
            npz, or a name.
        json: print JSON.
    """

    data: tyro.conf.Positional[str] = "digits"
    json: bool = False


def run(command: Command) -> int:
    """Print what was found."""
    from canon.data import check_data, open_data

    data = open_data(command.data)
    with progress_bars() as shown:
        report = check_data(data, shown.reading)
    _print_json(data, report) if command.json else _print(data, report)
    return 0 if report.sound else 1


def _print_json(data: "Dataset", report: "DataReport") -> None:
    found = {
        "source": data.source, "classes": data.classes, "counts": report.counts,
        "formats": report.formats, "channels": report.channels, "bits": report.bits,
        "sides": report.sides, "faults": {str(f): why for f, why in report.faults.items()},
        "doubles": report.doubles, "ignored": [str(f) for f in report.ignored],
        "sound": report.sound,
    }  # fmt: skip
    if data.masks is not None:
        found |= {
            "masks": asdict(data.masks), "images": {s: len(part) for s, part in data.parts.items()},
            "pixels": report.pixels, "ignored_pixels": report.ignored_pixels,
        }  # fmt: skip
    print(json.dumps(found, indent=1))


def _show_counts(data: "Dataset", report: "DataReport") -> None:
    splits = list(report.counts)
    rows = [[name, *(report.counts[s][i] for s in splits)] for i, name in enumerate(data.classes)]
    show_table(["class", *splits], [*rows, ["all", *(sum(report.counts[s]) for s in splits)]])


def _show_pixels(data: "Dataset", report: "DataReport") -> None:
    """Images that show each class, and its share of all pixels, ignored ones too."""
    columns: list[list[int | str | None]] = []
    for split, part in data.parts.items():
        pixels = [*report.pixels[split], report.ignored_pixels[split]]
        columns.append([*report.counts[split], None, len(part)])
        columns.append([*(percent(count / max(1, sum(pixels))) for count in pixels), None])
    rows = list(zip((*data.classes, "ignored", "all"), *columns, strict=True))
    if not any(report.ignored_pixels.values()):
        del rows[-2]
    show_table(
        ["class", *(f"{s} {what}" for s in data.parts for what in ("images", "pixels"))], rows
    )


def _print(data: "Dataset", report: "DataReport") -> None:
    out = console()
    _show_pixels(data, report) if data.dense else _show_counts(data, report)
    out.print()
    out.print("images: " + ", ".join(f"{count:,} {kind}" for kind, count in report.formats.items()))
    low_h, high_h, low_w, high_w = report.sides
    out.print(f"height {low_h} to {high_h} pixels, width {low_w} to {high_w}")
    left_out = "left out: not images, or in no split" if data.dense else "not images, left out"
    _print_some(left_out, [str(f) for f in report.ignored])
    _print_some("in two splits", [f"{a} and {b}" for a, b in report.doubles])
    _print_some("unusable" if data.dense else "unreadable", list(report.faults.values()))
    out.print("sound" if report.sound else "not sound: see above")


def _print_some(what: str, lines: list[str], most: int = 20) -> None:
    out = console()
    if lines:
        out.print(f"{len(lines):,} {what}:")
    for line in lines[:most]:
        out.print(f"  {line}")
    if len(lines) > most:
        out.print(f"  and {len(lines) - most:,} more")
