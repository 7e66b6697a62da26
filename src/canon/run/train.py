"""A whole training run: from a name and a folder of images to a run folder with a report."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn

from canon.data import Dataset, Report, check, open_data
from canon.data.check import Progress
from canon.data.dataset import validated
from canon.errors import DataError
from canon.fitting import Epoch, Event, Limits, Recipe, fit
from canon.fitting.devices import accelerator, placed
from canon.fitting.optim import averaged
from canon.fitting.state import latest_state
from canon.models import create, entry
from canon.run import again, plan
from canon.run.config import Training
from canon.run.folder import WEIGHTS, Run, claimed_folder, new_folder
from canon.run.kinds import kind_of
from canon.run.record import facts, notes
from canon.run.start import freeze, frozen, start_from
from canon.tasks import Measured


@dataclass(frozen=True)
class Note:
    """Something decided that the user should know of."""

    text: str


@dataclass(frozen=True)
class Began:
    """The run folder is there."""

    path: Path


@dataclass(frozen=True)
class Trained:
    """The run is over, evaluated and reported.

    Args:
        run: its folder.
        split: what it was evaluated on.
        scores: the figures there.
    """

    run: Run
    split: str
    scores: Measured


Happening = Generator[Event | Note | Began | Trained, None, None]


def train(asked: Training, progress: Progress | None = None) -> Run:
    """Train, and return the run when it is over.

    Args:
        asked: what to train, on what, and how.
        progress: wraps the files of a folder while they are read.
    """
    for event in training(asked, progress):
        if isinstance(event, Trained):
            return event.run
    raise AssertionError("a run ends by being trained")


def training(asked: Training, progress: Progress | None = None) -> Happening:
    """Train, and yield what happens; closing the generator saves the state first.

    Raises:
        CanonError: something about the request, the data or the folder has to be put right.
    """
    entry(asked.model)
    if asked.resume:
        yield from _resumed(asked, progress)
        return
    # An occupied folder, a wrong number or a missing extra is told before files are read.
    new_folder(asked.out, asked.model, "data")
    recipe = plan.named_recipe(asked)
    devices = accelerator(asked.device, asked.precision)
    kind = kind_of(asked.model)
    with devices.main_process_first():
        data, report = checked_data(asked.data, asked.skip_bad, progress)
    plan.fits(asked.model, data)
    parts, split = plan.split_parts(data, recipe, asked)
    how = kind.geometry(asked, recipe, report)
    numbers = plan.numbers(asked, data, how)
    net = create(asked.model, **numbers)
    start = start_from(net, asked, data.classes)
    freeze(net, asked.freeze)
    with devices.main_process_first():
        packs = {n: kind.pack(part, how, data.masks, progress) for n, part in parts.items()}
    count = kind.samples(packs["train"], how, asked)
    recipe = plan.fitted_recipe(recipe, asked, report, count)
    how = plan.normalised(how, recipe, start, *packs["train"].statistics())
    folders = [
        claimed_folder(asked.out, asked.model, data.name) if devices.is_main_process else None
    ]
    folder = broadcast_object_list(folders)[0]
    run = Run(folder, facts(asked, data, report, recipe, how, split, numbers, start))
    run.facts["samples"] = count
    if devices.is_main_process:
        run.save_facts()
    yield Began(run.path)
    told = kind.notes(run, report, how, packs)
    yield from (Note(text) for text in notes(run, report, recipe, told, packs, start))
    if asked.freeze:
        yield Note(frozen(net, asked.freeze, start))
    yield from _fit(run, asked, net, recipe, packs, devices)


def _resumed(asked: Training, progress: Progress | None) -> Happening:
    run, asked = again.as_before(asked)
    recipe = again.recorded_recipe(run.facts["recipe"], asked)
    devices = accelerator(asked.device, asked.precision)
    with devices.main_process_first():
        data, _ = checked_data(run.facts["data"]["source"], asked.skip_bad, progress)
        parts = again.same_parts(data, run.classes, run.facts["split"])
        how, kind = run.preprocessing, kind_of(run.model)
        packs = {n: kind.pack(part, how, run.values, progress) for n, part in parts.items()}
    net = create(run.model, **run.facts["numbers"])
    if latest_state(run.states) is None:
        start_from(net, asked, run.classes)
    freeze(net, asked.freeze)
    if devices.is_main_process:
        run.save_facts(asked=again.described(asked), recipe=asdict(recipe))
    yield Began(run.path)
    yield Note(f"going on with {run.path}")
    yield from _fit(run, asked, net, recipe, packs, devices)


def checked_data(source: str, skip_bad: bool, progress: Progress | None) -> tuple[Dataset, Report]:
    """A set whose every file has been read once, without the bad ones if they may be skipped.

    Raises:
        DataError: a file is unreadable and may not be skipped.
    """
    data = open_data(source)
    report = check(data, progress)
    if not report.faults:
        return data, report
    if not skip_bad:
        first, *others = report.faults.values()
        more = f" ({len(others)} more: `canon check {source}` lists them)" if others else ""
        raise DataError(f"{first}{more} Or pass --skip-bad to leave them out.")
    return validated(data.without(set(report.faults))), report


def _fit(
    run: Run,
    asked: Training,
    net: nn.Module,
    recipe: Recipe,
    packs: dict[str, Any],
    devices: Accelerator,
) -> Happening:
    kind = kind_of(run.model)
    placed(net, devices.device)
    average = averaged(net, recipe.average) if recipe.average else None
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
    trained = placed(run.network(), devices.device)
    scores = yield from measure(trained, task, sets[final], devices)
    if devices.is_main_process:
        run.save_facts(result={"split": final} | scores.summary())
        kind.write_report(run, scores, final, packs[final], trained)
    yield Trained(run, final, scores)


def _keep(run: Run, event: Epoch, best: nn.Module, patience: int) -> None:
    told = ("epoch", "step", "loss", "lr", "seconds", "images_per_second")
    line: dict[str, Any] = {name: getattr(event, name) for name in told}
    if event.scores is not None:
        line["scores"] = event.scores.summary()
    if event.best or not patience or not (run.path / WEIGHTS).exists():
        run.save_weights(best)
    run.add_metrics(line)
