"""Resume a run: restore its configuration, recipe and splits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from canon.data import Dataset, Split
from canon.data.augment.augmentation import Augmentation
from canon.data.augment.deformation import Deformation
from canon.errors import DataError, InputError, RunError
from canon.runs.config import TrainConfig
from canon.runs.folder import ENSEMBLE, Run
from canon.runs.open import open_run
from canon.runs.plan import sizes as sizes_of
from canon.runs.record import config_json
from canon.training.recipe import Recipe


def resume_config(asked: TrainConfig) -> tuple[Run, TrainConfig]:
    """The run to go on with, and what was asked for when it began.

    The device, the minutes, and the epochs if given, are those of now; other flags may be left
    out, but not be changed.

    Raises:
        InputError: no run folder, or a flag with another value.
        RunError: the folder holds no run, or one of another network.
    """
    if asked.out is None:
        raise InputError("--resume needs the run folder; expected --out. Pass --out runs/NAME.")
    run = open_run(asked.out)
    if run.model == ENSEMBLE:
        raise RunError(
            f"{asked.out} is an ensemble, which is not trained; expected a run. Go on with one of "
            "its members."
        )
    if run.model != asked.model:
        raise RunError(
            f"{asked.out} is a run of {run.model}, not of {asked.model}; expected the same "
            f"network. Pass {run.model}, or another --out."
        )
    now, untouched = config_json(asked), config_json(TrainConfig(asked.model))
    before = untouched | run.facts["asked"]  # older runs know fewer flags
    if str(Path(asked.data).expanduser().resolve()) == run.facts["data"]["source"]:
        now["data"] = before["data"]
    for name in set(now) - {"out", "device", "minutes", "epochs", "resume"}:
        if now[name] not in (untouched[name], before[name]):
            raise InputError(
                f"--{name.replace('_', '-')} is {now[name]}, the run began with {before[name]}; "
                "expected the same when going on. Leave the flag out, or start another run."
            )
    kept = {"out": asked.out, "resume": True, "device": asked.device, "minutes": asked.minutes}
    weights = {"weights": Path(before["weights"])} if before["weights"] else {}
    longer = {"epochs": asked.epochs} if asked.epochs else {}
    return run, TrainConfig(**before | kept | weights | longer)


def recorded_recipe(record: dict[str, Any], asked: TrainConfig) -> Recipe:
    """The recipe that a run recorded, for as many epochs as are asked for now."""
    numbers = _with_tuples(record)
    change = Augmentation(**numbers.pop("augmentation")).installed()
    warping = Deformation(**numbers.pop("warping", {}))  # older runs have none
    recipe = Recipe(augmentation=change, warping=warping, **numbers)
    return replace(recipe, epochs=asked.epochs or recipe.epochs)


def _with_tuples(value: Any) -> Any:
    """What was read from JSON, with the tuples that it had before it was written."""
    if isinstance(value, dict):
        return {name: _with_tuples(one) for name, one in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def restore_splits(
    data: Dataset, classes: tuple[str, ...], record: dict[str, Any]
) -> dict[str, Split]:
    """The splits that a record describes, of the same data.

    Raises:
        DataError: the data has other classes, or more or fewer samples, than were recorded.
    """
    parts, held = dict(data.parts), record["val"]
    if held is not None and parts["train"].files:
        places = {str(file): i for i, file in enumerate(parts["train"].files)}
        held = [places[file] for file in held if file in places]
    if held is not None:
        held = [i for i in held if i < len(parts["train"])]
        back = np.array(held, np.int64)
        keep = np.setdiff1d(np.arange(len(parts["train"])), back)
        parts |= {"train": parts["train"].select(keep), "val": parts["train"].select(back)}
    sizes = sizes_of(parts)
    if sizes != record["sizes"] or data.classes != classes:
        was, now = (", ".join(f"{n:,} {k}" for k, n in s.items()) for s in (record["sizes"], sizes))
        raise DataError(
            f"{data.source} has changed: {now} images of {len(data.classes)} classes; expected "
            f"{was} of {len(classes)}, as the run was trained on. Restore it, or give other data."
        )
    return parts
