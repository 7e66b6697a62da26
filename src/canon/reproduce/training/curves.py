"""Networks that are trained by `canon train`'s own functions, and their errors by epoch."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from torch import Tensor, nn

from canon.data.packs.images import ImagePack, build_image_pack
from canon.layers.stages import eval_mode
from canon.reproduce.result import Watch
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.training import Epoch
from canon.types import Images
from canon.utils.progress import Step
from canon.workflows.evaluate import choose_split
from canon.workflows.train import Started, train_events

BATCH = 500  # images at a time, for errors


@dataclass(frozen=True)
class Trained:
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


def trained(config: TrainConfig, watch: Watch, *, by_epoch: bool = False) -> Trained:
    """Train, in a temporary folder.

    Args:
        config: the flags of `canon train`.
        watch: progress.
        by_epoch: measure the errors after each epoch, not only after the last.

    Raises:
        CanonError: data that cannot be had, or a mistake in the configuration.
    """
    with TemporaryDirectory() as folder:
        return _trained(config, Path(folder) / "run", watch, by_epoch)


def _trained(config: TrainConfig, out: Path, watch: Watch, by_epoch: bool) -> Trained:
    splits: dict[str, ImagePack] = {}
    errors: dict[str, list[float]] = {}
    with closing(train_events(replace(config, out=out))) as events:
        for event in events:
            if isinstance(event, Started):
                run = open_run(event.path)
                splits = dict(_packs(run))
            elif isinstance(event, Step) and event.doing == "train":
                watch(f"training {config.model}, epoch {event.epoch}", event.done, event.batches)
            elif isinstance(event, Epoch):
                last = event.epoch == event.epochs
                if by_epoch or last:
                    for name, pack in splits.items():
                        known = name == run.record.monitored and event.metrics
                        wrong = known.error if known else error(event.network, run, pack)
                        errors.setdefault(name, []).append(wrong)
                if last:
                    net = event.network
                    break
    images = {name: run.preprocessing.evaluation(pack.images) for name, pack in splits.items()}
    labels = {name: pack.targets for name, pack in splits.items()}
    return Trained(net, run, images, labels, errors, config.seed)


def _packs(run: Run) -> Iterator[tuple[str, ImagePack]]:
    """The images to train on and those to test on, as they are stored."""
    names = run.record.split.sizes if run.record.split else {}
    for name in ("train", "test" if "test" in names else "val"):
        split = choose_split(run, None, name, skip_bad=False, progress=None)[1]
        targets = np.asarray(split.targets.values)  # type: ignore[attr-defined]
        yield name, build_image_pack(split.images, targets, run.preprocessing)


def error(net: nn.Module, run: Run, pack: ImagePack) -> float:
    """The fraction of the images whose likeliest class is wrong."""
    wrong = 0
    with eval_mode(net):
        for images, labels in zip(pack.images.split(BATCH), pack.targets.split(BATCH), strict=True):
            x: Images = run.preprocessing.evaluation(images)
            wrong += int((net(x).argmax(1) != labels).sum())
    return wrong / len(pack)
