"""What a run says of itself: the facts it keeps and the notes it starts with."""

import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from canon.data import Dataset, Preprocessing, Report
from canon.fitting import Recipe
from canon.fitting.devices import hardware
from canon.run import again
from canon.run.config import Training
from canon.run.folder import Run
from canon.run.start import Start

PACKAGES = ("canon-nets", "torch", "accelerate", "numpy", "pillow")


def facts(
    asked: Training,
    data: Dataset,
    report: Report,
    recipe: Recipe,
    how: Preprocessing,
    split: dict[str, Any],
    numbers: dict[str, int],
    start: Start | None,
) -> dict[str, Any]:
    """What run.json says of a run."""
    return {
        "model": asked.model,
        "numbers": numbers,
        "command": " ".join(["canon", *sys.argv[1:]]),
        "asked": again.described(asked),
        "recipe": asdict(recipe),
        "data": {
            "source": data.source,
            "classes": data.classes,
            "counts": _counts(data, report),
            "masks": asdict(data.masks) if data.masks else None,
            "pixels": {name: list(counts) for name, counts in report.pixels.items()},
            "skipped": [str(f) for f in report.faults],
            "formats": report.formats,
        },
        "split": split,
        "preprocessing": asdict(how),
        "weights": _weights(start),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "hardware": hardware(),
    }


def _counts(data: Dataset, report: Report) -> dict[str, list[int]]:
    """Images of each class in each split; where pixels have classes, images that show it."""
    if data.dense:
        return {name: list(counts) for name, counts in report.counts.items()}
    return {
        name: np.bincount(part.labels, minlength=len(data.classes)).tolist()
        for name, part in data.parts.items()
    }


def _weights(start: Start | None) -> dict[str, Any]:
    if start is None:
        return {"from": None, "replaced": []}
    loaded = start.loaded
    return {"from": loaded.checkpoint.source, "replaced": list(loaded.replaced),
            "adapted": loaded.adapted}  # fmt: skip


def notes(
    run: Run,
    report: Report,
    recipe: Recipe,
    images: Iterable[str],
    packs: dict[str, Any],
    start: Start | None,
) -> Iterator[str]:
    """What the user should know of before it starts: nothing is changed silently."""
    source = run.facts["data"]["source"]
    sizes = ", ".join(f"{len(pack):,} {name}" for name, pack in packs.items())
    yield f"{run.model} on {source}: {sizes} images of {len(run.classes)} classes"
    if run.facts["data"]["skipped"]:
        yield f"{len(run.facts['data']['skipped'])} unreadable files are left out"
    if report.doubles:
        first, second = report.doubles[0]
        yield f"{len(report.doubles)} images are in two splits, such as {first} and {second}"
    yield from images
    if start is not None:
        yield f"weights from {start.loaded.checkpoint.source}"
        yield from start.loaded.notes()
        yield (
            "images are normalised as these weights expect"
            if start.mean
            else "the file does not say how its images were normalised: by this set's own mean and "
            "deviation"
        )
    yield (
        f"{recipe.name} recipe: {recipe.optimiser}, lr {recipe.lr:g}, batch {recipe.batch}, "
        f"{recipe.epochs} epochs, {recipe.schedule} schedule"
    )
