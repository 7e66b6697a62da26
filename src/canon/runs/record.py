"""What run.json records of a run."""

import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from canon.data import DataReport, Dataset, Preprocessing
from canon.runs.config import TrainConfig
from canon.runs.initial_weights import InitialWeights
from canon.training.recipe import Recipe
from canon.utils.devices import hardware

PACKAGES = ("canon-nets", "torch", "accelerate", "numpy", "pillow")


def facts(
    asked: TrainConfig,
    data: Dataset,
    report: DataReport,
    recipe: Recipe,
    how: Preprocessing,
    split: dict[str, Any],
    numbers: dict[str, int],
    start: InitialWeights | None,
) -> dict[str, Any]:
    """What run.json says of a run."""
    return {
        "model": asked.model,
        "numbers": numbers,
        "command": " ".join(["canon", *sys.argv[1:]]),
        "asked": config_json(asked),
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


def _counts(data: Dataset, report: DataReport) -> dict[str, list[int]]:
    """Images of each class in each split; where pixels have classes, images that show it."""
    if data.dense:
        return {name: list(counts) for name, counts in report.counts.items()}
    return {
        name: np.bincount(part.labels, minlength=len(data.classes)).tolist()
        for name, part in data.parts.items()
    }


def _weights(start: InitialWeights | None) -> dict[str, Any]:
    if start is None:
        return {"from": None, "replaced": []}
    loaded = start.loaded
    return {"from": loaded.checkpoint.source, "replaced": list(loaded.replaced),
            "adapted": loaded.adapted}  # fmt: skip


def config_json(asked: TrainConfig) -> dict[str, Any]:
    """What was asked for, as JSON."""
    return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(asked).items()}
