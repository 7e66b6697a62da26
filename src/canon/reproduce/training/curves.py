"""Networks that are trained by `canon train`'s own functions, and their errors by epoch."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from torch import Tensor, nn

from canon.data.packs.images import ImagePack, build_image_pack
from canon.layers.stages import eval_mode
from canon.reproduce.result import Work
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.training import Epoch
from canon.types import Images
from canon.utils.files import write_text
from canon.utils.progress import Step
from canon.workflows.evaluate import choose_split
from canon.workflows.train import Finished, Started, train_events

BATCH = 500  # images at a time, for errors


@dataclass(frozen=True)
class TrainedClassifier:
    """A trained network with the images that it was trained and tested on, as it takes them.

    Args:
        net: the network, on the CPU.
        run: its record; the folder is gone.
        images: (N, C, H, W) of each split.
        labels: (N,) of each split.
        errors: fractions that are wrong, by split, after each epoch.
        seed: of weights, order and split.
    """

    net: nn.Module
    run: Run
    images: dict[str, Tensor]
    labels: dict[str, Tensor]
    errors: dict[str, list[float]]
    seed: int


def settings(model: str, data: str, **more: Any) -> TrainConfig:
    """What `canon train` is to do, on the CPU."""
    return TrainConfig(model, data, **({"device": "cpu"} | more))


def train_classifier(
    config: TrainConfig, work: Work, *, by_epoch: bool = False
) -> TrainedClassifier:
    """Train a classifier, and measure its errors.

    Args:
        config: the flags of `canon train`.
        work: the scale, which decides whether the run is resumed from an earlier one.
        by_epoch: measure the errors after each epoch, not only after the last.

    Raises:
        CanonError: data that cannot be had, or a mistake in the configuration.
    """
    with run_folder(work, f"{config.model}-seed{config.seed}") as out:
        splits: dict[str, ImagePack] = {}
        log = out.with_suffix(".errors.json")  # of epochs before an interruption
        errors: dict[int, dict[str, float]] = json_of(log)
        for event in _events(config, out, work):
            if isinstance(event, Started):
                run = open_run(event.path)
                splits = dict(_packs(run))
            elif isinstance(event, Epoch):
                net = event.network
                if by_epoch or event.epoch == event.epochs:
                    errors[event.epoch] = {n: _error(event, n, run, p) for n, p in splits.items()}
                    write_text(log, json.dumps(errors))
            elif isinstance(event, Finished):
                net = event.run.network()
    images = {name: run.preprocessing.evaluation(pack.images) for name, pack in splits.items()}
    labels = {name: pack.targets for name, pack in splits.items()}
    by_split = {name: [errors[epoch][name] for epoch in sorted(errors)] for name in splits}
    return TrainedClassifier(net.cpu(), run, images, labels, by_split, config.seed)


def train_network(config: TrainConfig, work: Work) -> nn.Module:
    """Train a network of any task, and return it on the CPU."""
    with run_folder(work, f"{config.model}-seed{config.seed}") as out:
        for event in _events(config, out, work):
            if isinstance(event, Epoch):
                net = event.network
            elif isinstance(event, Finished):
                net = event.run.network()
    return net.cpu()


@contextmanager
def run_folder(work: Work, name: str) -> Iterator[Path]:
    """Where a run is written: a folder that is deleted, or, at full scale, one to resume from."""
    if work.runs is not None:
        work.runs.mkdir(parents=True, exist_ok=True)
        yield work.runs / name
        return
    with TemporaryDirectory(prefix="canon-") as folder:
        yield Path(folder) / "run"


def _events(config: TrainConfig, out: Path, work: Work) -> Iterator[Any]:
    """What happens in training; without the report if the run is deleted anyway."""
    config = replace(config, out=out, resume=out.exists())
    with closing(train_events(config)) as events:
        for event in events:
            if isinstance(event, Step):
                name = f"training {config.model}, epoch {event.epoch}"
                if event.doing == "train":
                    work.watch(name, event.done, event.batches)
                continue
            yield event
            if isinstance(event, Epoch) and event.epoch == event.epochs and work.runs is None:
                return


def json_of(log: Path) -> dict[int, dict[str, float]]:
    """The errors of earlier epochs, by epoch; none if there is no file."""
    if not log.is_file():
        return {}
    return {int(epoch): errors for epoch, errors in json.loads(log.read_text()).items()}


def _error(event: Epoch, name: str, run: Run, pack: ImagePack) -> float:
    """The error on a split; that of the monitored one is known."""
    known = event.metrics if name == run.record.monitored else None
    return known.error if known else error(event.network, run, pack)


def _packs(run: Run) -> Iterator[tuple[str, ImagePack]]:
    """The images to train on and those to test on, as they are stored."""
    names = run.record.split.sizes if run.record.split else {}
    for name in ("train", "test" if "test" in names else "val"):
        split = choose_split(run, None, name, skip_bad=False, progress=None)[1]
        targets = np.asarray(split.targets.values)  # type: ignore[attr-defined]
        yield name, build_image_pack(split.images, targets, run.preprocessing)


def error(net: nn.Module, run: Run, pack: ImagePack) -> float:
    """The fraction of the images whose likeliest class is wrong."""
    wrong, device = 0, next(net.parameters()).device
    with eval_mode(net):
        for images, labels in zip(pack.images.split(BATCH), pack.targets.split(BATCH), strict=True):
            x: Images = run.preprocessing.evaluation(images.to(device))
            wrong += int((net(x).argmax(1).cpu() != labels).sum())
    return wrong / len(pack)
