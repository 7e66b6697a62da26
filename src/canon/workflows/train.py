"""A whole training run: from a config to a run folder with a report."""

from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canon.data import Dataset
from canon.runs.config import Arrays, TrainConfig, config_of
from canon.runs.folder import Run
from canon.training import Epoch, Event, fit
from canon.training.checkpoint import Checkpoints
from canon.training.interfaces import Metrics
from canon.utils.devices import to_device
from canon.utils.progress import Progress
from canon.workflows.job import Job, planned, resumed
from canon.workflows.report import write_report


@dataclass(frozen=True)
class Note:
    """A decision that the user should know."""

    text: str


@dataclass(frozen=True)
class Started:
    """The run folder exists."""

    path: Path


@dataclass(frozen=True)
class Finished:
    """The run is trained, evaluated and reported.

    Args:
        run: its folder.
        split: what it was evaluated on.
        metrics: on that split.
    """

    run: Run
    split: str
    metrics: Metrics


TrainEvents = Generator[Event | Note | Started | Finished, None, None]


def train(
    config: TrainConfig | str,
    data: str | Path | Dataset | Arrays | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Run:
    """Train, and return the run when it is over.

    Args:
        config: what to train, on which data, and how; or the name of a network.
        data: what to train it on, if only its name is given.
        progress: wraps the files of a folder while they are read.
        settings: other fields of `TrainConfig`, if only the name of a network is given.

    Raises:
        CanonError: a mistake in the configuration, the data or the folder, in one line.
    """
    config = config_of(TrainConfig, "train", config, {"data": data}, settings)
    for event in train_events(config, progress):
        if isinstance(event, Finished):
            return event.run
    raise AssertionError("a run ends with Finished")


def train_events(config: TrainConfig, progress: Progress | None = None) -> TrainEvents:
    """Train, and yield what happens; closing the generator saves the state first.

    Raises:
        CanonError: a mistake in the configuration, the data or the folder, in one line.
    """
    with ExitStack() as held:  # the lock of the run folder
        job = (resumed if config.resume else planned)(config, progress, held)
        yield from _train(job, config)


def _train(job: Job, config: TrainConfig) -> TrainEvents:
    yield Started(job.run.path)
    yield from map(Note, job.notes)
    events = fit(
        job.net, job.task.objective(job.net, job.packs["train"], job.recipe), job.batches,
        job.recipe, job.accelerator, limits=job.limits, evaluate=job.monitor,
        checkpoints=Checkpoints(job.run.states, config.resume), seed=job.config.seed,
    )  # fmt: skip
    with closing(events):
        for event in events:
            if isinstance(event, Epoch):
                job.keep(event)
            yield event
    yield from _finish(job)


def _finish(job: Job) -> TrainEvents:
    """Evaluate the weights to use, and write the report."""
    run, devices, split = job.run, job.accelerator, job.final
    devices.wait_for_everyone()  # the first process has written the weights
    net = to_device(run.network(), devices.device)
    metrics = yield from job.evaluations[split](net, 0)
    if devices.is_main_process:
        figures = [figure.record() for figure in metrics.figures()]
        run.save_record(result={"split": split} | metrics.summary() | {"figures": figures})
        write_report(run, job.task, metrics, job.packs[split], net, devices)
    yield Finished(run, split, metrics)
