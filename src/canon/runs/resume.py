"""Resume a run: restore its configuration, recipe and splits."""

import os
from collections.abc import Set
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from canon.data import DataReport, Dataset, Split
from canon.errors import DataError, InputError, RunError
from canon.runs.cluster_config import ClusterConfig
from canon.runs.clustering import ClusterRun
from canon.runs.config import TrainConfig
from canon.runs.ensemble import EnsembleRun
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.runs.record import RunRecord, SplitRecord
from canon.training.recipe import Recipe

C = TypeVar("C", TrainConfig, ClusterConfig)
IN_MEMORY = "arrays"  # the source of data that is neither a name nor a path

# What may differ from the run's own configuration.
FREE = {"out", "device", "time_limit", "epochs", "resume"}


def config_json(config: TrainConfig | ClusterConfig) -> dict[str, Any]:
    """A configuration as plain JSON."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    data = values["data"]
    if not isinstance(data, (str, Path)):
        values["data"] = data.source if isinstance(data, Dataset) else IN_MEMORY
    return {k: str(v) if isinstance(v, Path) else v for k, v in values.items()}


def resume_config(config: TrainConfig) -> tuple[Run, TrainConfig]:
    """The run to resume, and its configuration.

    Device and time limit are the new ones, and so are more epochs; other flags may be omitted, but
    not changed.

    Raises:
        InputError: no run folder, a flag with another value, or fewer epochs.
        RunError: the folder holds no run, or one of another network.
    """
    if config.out is None:
        raise InputError("--resume needs the run folder; expected --out. Pass --out runs/NAME.")
    run = open_run(config.out)
    if isinstance(run, EnsembleRun):
        raise RunError(
            f"{config.out} is an ensemble, which is not trained; expected a run. Resume one of its "
            "members."
        )
    if isinstance(run, ClusterRun):
        raise RunError(
            f"{config.out} is a clustering; expected a run of canon train. Resume it with canon "
            f"cluster --resume --out {config.out}."
        )
    if config.model is not None and run.model != config.model:
        raise RunError(
            f"{config.out} is a run of {run.model}, not of {config.model}; expected the same "
            f"network. Pass {run.model}, or another --out."
        )
    config = replace(config, model=run.model)
    recorded = unchanged(config, TrainConfig(run.model), run, FREE, "run")
    if config.epochs is not None and config.epochs < run.recipe.epochs:
        raise InputError(
            f"--epochs is {config.epochs}, but the run was started with {run.recipe.epochs}; "
            "expected as many or more. Leave --epochs out, or start another run."
        )
    session: dict[str, Any] = {"out": config.out, "resume": True, "device": config.device}
    session |= {"time_limit": config.time_limit}
    if not isinstance(config.data, (str, Path)):
        session["data"] = config.data
    weights = {"weights": Path(recorded["weights"])} if recorded["weights"] else {}
    epochs = {"epochs": config.epochs} if config.epochs else {}
    return run, TrainConfig(**recorded | session | weights | epochs)


def unchanged(config: C, default: C, run: Run, free: Set[str], kind: str) -> dict[str, Any]:
    """The recorded settings of a run, if none that is given differs.

    Args:
        config: what is given.
        default: what it is where nothing is given.
        run: the run that is resumed.
        free: fields that may differ.
        kind: what the run is, for messages.

    Raises:
        InputError: a flag has another value.
    """
    given, usual = config_json(config), config_json(default)
    recorded = usual | run.record.config  # older runs know fewer flags
    if str(Path(given["data"]).expanduser().resolve()) == run.record.data.source:
        given["data"] = recorded["data"]
    for name in sorted(set(given) - free):
        if given[name] not in (usual[name], recorded[name]):
            flag = {"data": "DATA", "k": "-k"}.get(name, f"--{name.replace('_', '-')}")
            was = recorded[name]
            if was is None:
                was = getattr(run.recipe, name, "the default")
            raise InputError(
                f"{flag} is {given[name]}, but the {kind} was started with {was}; a resumed {kind} "
                f"keeps its settings. Leave {flag} out, or start another run."
            )
    return recorded


def recorded_recipe(run: Run, config: TrainConfig) -> Recipe[Any]:
    """The recipe of a run, with the epochs of the configuration if it gives them."""
    run.recipe.images.require_extras()
    return replace(run.recipe, epochs=config.epochs or run.recipe.epochs)


def restore_splits(
    data: Dataset, report: DataReport, record: RunRecord, *, more: bool = False
) -> dict[str, Split]:
    """The splits that a run recorded, of the same data.

    Args:
        data: the dataset, opened again.
        report: of its check.
        record: of the run.
        more: whether there may be splits that the run did not have, such as a later test split.

    Raises:
        DataError: the dataset has other classes, more or fewer samples, or other content, than
            recorded.
    """
    split, classes = record.split, record.data.classes
    splits = _restored(data, classes, split, str(record.data.source), more=more)
    changed = [name for name, digest in record.data.digests.items()
               if report.digests.get(name) != digest]  # fmt: skip
    if changed:
        raise DataError(
            f"{data.source} has changed since the run was trained: its {' and '.join(changed)} "
            "images are as many, but some have other pixels, names or targets, or are decoded "
            "otherwise by another version of Pillow. Restore them, or start another run."
        )
    return splits


def _restored(
    data: Dataset, classes: tuple[str, ...], record: SplitRecord | None, source: str, *, more: bool
) -> dict[str, Split]:
    splits = dict(data.splits)
    if record is None:
        return splits
    if record.val is not None:
        splits |= _held_out(data, record.val, source)
    sizes = {n: len(split) for n, split in splits.items() if not more or n in record.sizes}
    if sizes != record.sizes or data.classes != classes:
        was, now = (", ".join(f"{n:,} {k}" for k, n in s.items()) for s in (record.sizes, sizes))
        raise DataError(
            f"{data.source} has changed: {now} images of {len(data.classes)} classes; expected "
            f"{was} of {len(classes)}, as the run was trained on. Restore it, or use other data."
        )
    return splits


def _held_out(data: Dataset, val: tuple[str | int, ...], source: str) -> dict[str, Split]:
    """A training split without its validation samples, and these.

    Args:
        data: the dataset, which may lie elsewhere now.
        val: files, or positions of images in memory.
        source: where it was.
    """
    train = data.splits["train"]
    if train.images.files:
        names = (os.path.relpath(name, data.source) for name in train.images.names)
        places = {name: i for i, name in enumerate(names)}
        wanted = (os.path.relpath(str(file), source) for file in val)
        found = [places[file] for file in wanted if file in places]
    else:
        found = [int(i) for i in val if int(i) < len(train)]
    held = np.array(found, np.int64)
    rest = np.setdiff1d(np.arange(len(train)), held)
    return {"train": train.select(rest), "val": train.select(held)}
