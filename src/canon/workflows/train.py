"""A whole training run: from a config to a run folder with a report."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn

from canon.data import DataReport
from canon.data.checks.checked import open_checked
from canon.models import build, model_info
from canon.runs import plan, resume
from canon.runs.config import TrainConfig
from canon.runs.folder import WEIGHTS, Run, make_folder, new_folder
from canon.runs.initial_weights import InitialWeights, freeze, freeze_note, load_initial_weights
from canon.runs.record import config_json, facts
from canon.tasks.lookup import task_of
from canon.training.checkpoint import latest_state
from canon.training.ema import moving_average
from canon.training.events import Epoch, Event
from canon.training.interfaces import Metrics
from canon.training.loop import fit
from canon.training.recipe import Limits, Recipe
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Progress


@dataclass(frozen=True)
class Note:
    """Something decided that the user should know of."""

    text: str


@dataclass(frozen=True)
class Started:
    """The run folder is there."""

    path: Path


@dataclass(frozen=True)
class Finished:
    """The run is over, evaluated and reported.

    Args:
        run: its folder.
        split: what it was evaluated on.
        scores: the figures there.
    """

    run: Run
    split: str
    scores: Metrics


TrainEvents = Generator[Event | Note | Started | Finished, None, None]


def train(asked: TrainConfig, progress: Progress | None = None) -> Run:
    """Train, and return the run when it is over.

    Args:
        asked: what to train, on what, and how.
        progress: wraps the files of a folder while they are read.
    """
    for event in train_events(asked, progress):
        if isinstance(event, Finished):
            return event.run
    raise AssertionError("a run ends by being trained")


def train_events(asked: TrainConfig, progress: Progress | None = None) -> TrainEvents:
    """Train, and yield what happens; closing the generator saves the state first.

    Raises:
        CanonError: something about the request, the data or the folder has to be put right.
    """
    model_info(asked.model)
    if asked.resume:
        yield from _resumed(asked, progress)
        return
    # An occupied folder, a wrong number or a missing extra is told before files are read.
    new_folder(asked.out, asked.model, "data")
    recipe = plan.choose_recipe(asked)
    devices = make_accelerator(asked.device, asked.precision)
    kind = task_of(asked.model)
    with devices.main_process_first():
        data, report = open_checked(asked.data, asked.skip_bad, progress)
    plan.require_targets(asked.model, data)
    parts, split = plan.hold_out(data, recipe, asked)
    how = kind.geometry(asked, recipe, report)
    numbers = plan.model_args(asked, data, how)
    net = build(asked.model, **numbers)
    start = load_initial_weights(net, asked, data.classes)
    freeze(net, asked.freeze)
    with devices.main_process_first():
        packs = {n: kind.pack(part, how, data.masks, progress) for n, part in parts.items()}
    count = kind.samples(packs["train"], how, asked)
    recipe = plan.fit_recipe(recipe, asked, report, count)
    how = plan.with_normalization(how, recipe, start, *packs["train"].statistics())
    folders = [make_folder(asked.out, asked.model, data.name) if devices.is_main_process else None]
    folder = broadcast_object_list(folders)[0]
    run = Run(folder, facts(asked, data, report, recipe, how, split, numbers, start))
    run.facts["samples"] = count
    if devices.is_main_process:
        run.save_facts()
    yield Started(run.path)
    told = kind.notes(run, report, how, packs)
    yield from (Note(text) for text in run_notes(run, report, recipe, told, packs, start))
    if asked.freeze:
        yield Note(freeze_note(net, asked.freeze, start))
    yield from _fit(run, asked, net, recipe, packs, devices)


def _resumed(asked: TrainConfig, progress: Progress | None) -> TrainEvents:
    run, asked = resume.resume_config(asked)
    recipe = resume.recorded_recipe(run.facts["recipe"], asked)
    devices = make_accelerator(asked.device, asked.precision)
    with devices.main_process_first():
        data, _ = open_checked(run.facts["data"]["source"], asked.skip_bad, progress)
        parts = resume.restore_splits(data, run.classes, run.facts["split"])
        how, kind = run.preprocessing, task_of(run.model)
        packs = {n: kind.pack(part, how, run.values, progress) for n, part in parts.items()}
    net = build(run.model, **run.facts["numbers"])
    if latest_state(run.states) is None:
        load_initial_weights(net, asked, run.classes)
    freeze(net, asked.freeze)
    if devices.is_main_process:
        run.save_facts(asked=config_json(asked), recipe=asdict(recipe))
    yield Started(run.path)
    yield Note(f"going on with {run.path}")
    yield from _fit(run, asked, net, recipe, packs, devices)


def _fit(
    run: Run,
    asked: TrainConfig,
    net: nn.Module,
    recipe: Recipe,
    packs: dict[str, Any],
    devices: Accelerator,
) -> TrainEvents:
    kind = task_of(run.model)
    to_device(net, devices.device)
    average = moving_average(net, recipe.average) if recipe.average else None
    best = net if average is None else average.module
    task, samples, sets, measure = kind.ready(run, net, recipe, packs, devices)
    final = "test" if "test" in packs else "val" if "val" in packs else "train"
    limits = Limits(recipe.epochs, asked.minutes, asked.patience, asked.accumulate)
    monitor = sets.get("val", sets.get("test"))
    events = fit(
        net, task, samples, recipe, limits, devices, monitor=monitor, measure=measure,
        average=average, seed=asked.seed, states=run.states, resume=asked.resume,
    )  # fmt: skip
    with closing(events):
        for event in events:
            if isinstance(event, Epoch) and devices.is_main_process:
                _keep(run, event, best, asked.patience)
            yield event
    devices.wait_for_everyone()  # the first process has written the weights
    trained = to_device(run.network(), devices.device)
    scores = yield from measure(trained, task, sets[final], devices)
    if devices.is_main_process:
        run.save_facts(result={"split": final} | scores.summary())
        kind.write_report(run, scores, final, packs[final], trained)
    yield Finished(run, final, scores)


def _keep(run: Run, event: Epoch, best: nn.Module, patience: int) -> None:
    told = ("epoch", "step", "loss", "lr", "seconds", "images_per_second")
    line: dict[str, Any] = {name: getattr(event, name) for name in told}
    if event.scores is not None:
        line["scores"] = event.scores.summary()
    if event.best or not patience or not (run.path / WEIGHTS).exists():
        run.save_weights(best)
    run.add_metrics(line)


def run_notes(
    run: Run,
    report: DataReport,
    recipe: Recipe,
    images: Iterable[str],
    packs: dict[str, Any],
    start: InitialWeights | None,
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
