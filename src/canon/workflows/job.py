"""A run that is ready to be trained: planned anew, or resumed."""

import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn

from canon.data import DataReport, Dataset, open_data
from canon.data.checks.checked import open_checked
from canon.errors import InputError
from canon.models import build, model_info
from canon.runs import plan, resume
from canon.runs.cluster_config import ClusterConfig
from canon.runs.config import TrainConfig
from canon.runs.folder import WEIGHTS, Run, make_folder, new_folder
from canon.runs.initial_weights import InitialWeights, freeze, load_initial_weights
from canon.runs.lock import lock_run
from canon.runs.record import DataRecord, RunRecord, WeightsRecord
from canon.tasks.base import Task, needs_labels, require_options, require_targets
from canon.tasks.lookup import TASKS, task_of
from canon.training import Epoch, Limits, Recipe
from canon.training.checkpoint import Checkpoints, state_step
from canon.training.interfaces import Batches, Evaluate
from canon.utils.devices import hardware, make_accelerator, to_device
from canon.utils.progress import Progress
from canon.workflows.notes import data_notes, recipe_notes

PACKAGES = ("canon-nets", "accelerate", "numpy", "pillow")


@dataclass(frozen=True)
class Job:
    """A run that is ready to be trained."""

    config: TrainConfig
    task: Task[Any]
    run: Run
    net: nn.Module
    recipe: Recipe[Any]
    packs: dict[str, Any]
    batches: Batches
    accelerator: Accelerator
    notes: tuple[str, ...]

    @property
    def limits(self) -> Limits:
        """What ends training."""
        config = self.config
        return Limits(self.recipe.epochs, config.time_limit, config.patience, config.accumulate)

    @cached_property
    def evaluations(self) -> dict[str, Evaluate]:
        """How to evaluate a network on each split."""
        prep, outputs = self.run.preprocessing, self.run.record.model_args.get("classes", 0)
        return {
            name: self.task.evaluation(pack, prep, outputs, self.accelerator)
            for name, pack in self.packs.items()
        }

    @property
    def monitor(self) -> Evaluate | None:
        """How to evaluate after each epoch."""
        return self.evaluations.get(self.run.record.monitored)

    @property
    def final(self) -> str:
        """The split of the final evaluation."""
        return next(name for name in ("test", "val", "train") if name in self.packs)

    def keep(self, event: Epoch) -> None:
        """Save the weights and the metrics of an epoch."""
        if not self.accelerator.is_main_process:
            return
        names = ("epoch", "step", "loss", "lr", "seconds", "images_per_second")
        line: dict[str, Any] = {name: getattr(event, name) for name in names}
        if event.metrics is not None:
            line["metrics"] = event.metrics.summary()
            line["monitored"] = event.metrics.monitored.record()
        if event.best or not self.config.patience or not (self.run.path / WEIGHTS).exists():
            self.run.save_weights(event.network)
        self.run.add_metrics(line)


def planned(config: TrainConfig, progress: Progress | None, held: ExitStack) -> Job:
    """A new run; its folder is locked until `held` is closed."""
    task, recipe = _choices(config)
    devices = make_accelerator(config.device, config.precision)
    if isinstance(config.data, str) and config.data == TrainConfig.data:  # nothing is named
        config = replace(config, data=task.default_data(config.model))
    with devices.main_process_first():
        data, report = open_checked(
            config.data, skip_bad=config.skip_bad, progress=progress, labels=needs_labels(task)
        )
    require_targets(task, config.model, data)
    recipe = plan.augmented(recipe, config, color=(config.channels or report.images.channels) == 3)
    splits, split = plan.hold_out(data, recipe, config)
    prep = task.preprocessing(config, recipe, report)
    args = plan.model_args(config, task.sides(data, prep))
    net = build(config.model, **args)
    initial = load_initial_weights(net, config, data.classes)
    freeze(net, config.freeze)
    with devices.main_process_first():
        packs = {name: task.pack(part, prep, progress) for name, part in splits.items()}
    prep = plan.with_normalization(prep, recipe, initial, packs["train"].statistics())
    batches = task.batches(packs["train"], net, prep, recipe, devices.device)
    recipe = plan.fit_batch(recipe, config, len(batches))
    record = RunRecord(
        model=config.model, task=task.name, preprocessing=prep,
        data=data_record(data, report), split=split, model_args=args,
        config=resume.config_json(config), recipe=recipe, samples=len(batches),
        weights=_weights_record(initial), **provenance(),
    )  # fmt: skip
    run = Run(claimed_folder(config.out, config.model, data, devices), record)
    if devices.is_main_process:
        held.enter_context(lock_run(run.path))
        new_folder(run.path, config.model, data.name)  # nobody was faster
        run.save_record()
    notes = [*data_notes(config, data, report, split)]
    notes += task.notes(report, prep, packs["train"], batches, data.classes, recipe)
    notes += recipe_notes(net, config, recipe, initial)
    net = to_device(net, devices.device)
    return Job(config, task, run, net, recipe, packs, batches, devices, tuple(notes))


def _choices(config: TrainConfig) -> tuple[Task[Any], Recipe[Any]]:
    """Task and recipe; refuses what can be refused before files are read."""
    if config.model is None:
        raise InputError(
            "MODEL is missing; expected the name of a network. `canon list models` shows all."
        )
    model_info(config.model)
    new_folder(config.out, config.model, "data")
    task = task_of(config.model)
    require_options(task, config.model, config, [*TASKS.values()])
    return task, plan.choose_recipe(config)


def resumed(config: TrainConfig, progress: Progress | None, held: ExitStack) -> Job:
    """A run that was interrupted, or is trained for more epochs; locked until `held` is closed."""
    run, config = resume.resume_config(config)
    recipe = resume.recorded_recipe(run, config)
    task, prep = task_of(run.model), run.preprocessing
    devices = make_accelerator(config.device, config.precision)
    if devices.is_main_process:
        held.enter_context(lock_run(run.path))
    with devices.main_process_first():
        source = run.record.data.source
        data, report = open_checked(
            recorded_data(config, source, labels=needs_labels(task)),
            skip_bad=config.skip_bad, progress=progress, labels=needs_labels(task),
        )  # fmt: skip
        splits = resume.restore_splits(data, report, run.record)
        packs = {name: task.pack(part, prep, progress) for name, part in splits.items()}
    net = build(run.model, **run.record.model_args)
    if Checkpoints(run.states).latest() is None:
        load_initial_weights(net, config, run.classes)
    freeze(net, config.freeze)
    if devices.is_main_process:
        settings = resume.config_json(config) | {
            name: run.record.config.get(name) for name in ("resume", "time_limit")
        }  # those of the first session
        run.save_record(config=settings, recipe=recipe)
    batches = task.batches(packs["train"], net, prep, recipe, devices.device)
    net = to_device(net, devices.device)
    notes = tuple(_resume_notes(run))
    return Job(config, task, run, net, recipe, packs, batches, devices, notes)


def recorded_data(
    config: TrainConfig | ClusterConfig, source: str | None, *, labels: bool
) -> str | Dataset:
    """The data of a run that is resumed: from where it was, or as it is passed."""
    if not isinstance(config.data, (str, Path)):
        return open_data(config.data, labels=labels)
    if source == resume.IN_MEMORY:
        raise InputError(
            "the run was trained on arrays in memory; expected the same ones. Pass them as data."
        )
    return str(source)


def _resume_notes(run: Run) -> Iterator[str]:
    states = Checkpoints(run.states)
    damaged = [state.name for state in states.damaged()]
    intact = [state for state in states.states() if state.name not in damaged]
    step = f" at step {state_step(intact[0]):,}" if intact else ""
    yield f"resuming {run.path}{step}"
    if damaged and intact:
        yield f"the state of step {state_step(states.states()[0]):,} is damaged and left out"


def claimed_folder(out: Path | None, name: str, data: Dataset, devices: Accelerator) -> Path:
    """The new run folder, the same for all processes."""
    folders = [make_folder(out, name, data.name) if devices.is_main_process else None]
    folder = broadcast_object_list(folders)[0]
    assert isinstance(folder, Path)
    return folder


def data_record(data: Dataset, report: DataReport) -> DataRecord:
    """What run.json records of a dataset."""
    details = report.targets.record()
    return DataRecord(
        data.source,
        data.classes,
        data.targets.record(),
        {name: list(counts) for name, counts in report.targets.counts.items()},
        {name: list(counts) for name, counts in details.get("pixels", {}).items()},
        tuple(map(str, report.faults)),
        report.images.formats,
        report.left_out,
        report.digests,
    )


def _weights_record(initial: InitialWeights | None) -> WeightsRecord:
    if initial is None:
        return WeightsRecord()
    loaded = initial.loaded
    return WeightsRecord(loaded.checkpoint.source, tuple(loaded.replaced), loaded.adapted)


def provenance() -> dict[str, Any]:
    """What run.json records of where a run comes from."""
    return {
        "command": shlex.join(["canon", *sys.argv[1:]]),
        "started": datetime.now().astimezone().isoformat(" ", "seconds"),
        "versions": versions(),
        "hardware": hardware(),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages; torch's names its build, such as +cpu."""
    known = {"python": platform.python_version(), "torch": str(torch.__version__)}
    return known | {package: version(package) for package in PACKAGES}
