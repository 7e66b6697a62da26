"""`canon train`: from a folder of images to a run folder with a report."""

import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import is_main_process, percent, progress_bars
from canon.options import UpsamplingName
from canon.runs.config import TrainConfig

if TYPE_CHECKING:
    from canon.tasks.classification.metrics import ClassificationMetrics
    from canon.training.events import Epoch, Stopped
    from canon.training.interfaces import Metrics
    from canon.workflows.train import Finished, Note

Whole = Annotated[int | None, tyro.conf.arg(metavar="N")]
Real = Annotated[float | None, tyro.conf.arg(metavar="X")]
Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR")]
Source = Annotated[Path | None, tyro.conf.arg(metavar="RUN|FILE|NAME")]
Word = Annotated[str | None, tyro.conf.arg(metavar="STAGE")]
Channels = Annotated[Literal[1, 3] | None, tyro.conf.arg(metavar="{1,3}")]


@dataclass(frozen=True)
class Command(TrainConfig):
    """Train a network on images and write a run folder: weights, metrics, report, resumable state.

    Networks that give each pixel a class (`canon list models`) take folders images/ and masks/.

    Args:
        model: a name from `canon list models`.
        data: a folder of class folders, or of images/ and masks/, a folder of idx files or CIFAR
            batches, an npz, or a name from `canon list data`.
        out: the run folder; runs/MODEL-DATA if not given.
        recipe: modern, for small sets, or paper, as published.
        epochs: passes over the training images; the recipe's if not given.
        batch: images a step, over all devices.
        lr: initial learning rate.
        image: side in pixels to which images are scaled.
        channels: 1 or 3, to convert the images.
        val: fraction held back for validation where the data has no such split.
        flip: mirror training images; auto mirrors colour images, not grey ones.
        weights: a run folder, a file (.pth, .safetensors), or a name from `canon list weights` to
            start from; other classes give a new head.
        freeze: keep the weights of all stages up to this one.
        patience: epochs without progress after which to stop with the best weights; 0 never.
        minutes: of this sitting, after which to evaluate and stop.
        accumulate: pieces a batch is cut into, to save memory.
        seed: of weights, split, order and augmentation.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: fp32, or mixed bf16 or fp16.
        width: of networks that leave it open: channels of the first level.
        depth: likewise: levels.
        up: likewise: how maps are enlarged.
        backbone: likewise: the classifier under an encoder-decoder.
        class_weights: of pixels: balance the classes by median frequency, or not.
        separation: weight of the pixels between two cells: U-Net's w0.
        dice: share of Dice's loss that is added.
        skip_bad: leave unreadable files out instead of refusing.
        resume: go on with the run in --out.
    """

    model: tyro.conf.Positional[str]
    data: tyro.conf.Positional[str] = "digits"
    out: Folder = None
    epochs: Whole = None
    batch: Whole = None
    lr: Real = None
    image: Whole = None
    channels: Channels = None
    val: Real = None
    weights: Source = None
    freeze: Word = None
    minutes: Real = None
    width: Whole = None
    depth: Whole = None
    up: Annotated[UpsamplingName | None, tyro.conf.arg(metavar="KIND")] = None
    backbone: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    class_weights: Annotated[
        Literal["none", "median"] | None, tyro.conf.arg(metavar="{none,median}")
    ] = None
    separation: Real = None
    dice: Real = None


def run(command: Command) -> int:
    """Train, telling what happens. Ctrl-C stops at the next step and keeps the state."""
    from canon.utils.devices import leave_group
    from canon.utils.progress import Step
    from canon.workflows.train import Finished, Started, train_events

    stop = _Stop()
    with progress_bars(aside=False) as shown:
        events = train_events(command, shown.reading)
        for event in events:
            if isinstance(event, Started):
                stop.folder = event.path
            elif isinstance(event, Step):
                shown.at(_doing(event), event.done, event.batches)
            elif isinstance(event, Finished):
                trained = event
            elif line := _line(event):
                shown.say(line)
            if stop.asked and not isinstance(event, Finished):
                events.close()
                shown.say(stop.advice(command))
                return 130
    if is_main_process():
        _print_result(trained)
    leave_group()
    return 0


class _Stop:
    """Set by the first Ctrl-C; the second one interrupts at once."""

    def __init__(self) -> None:
        self.asked = False
        self.folder: Path | None = None
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, *_: Any) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def advice(self, command: Command) -> str:
        """How to go on."""
        if self.folder is None:
            return "stopped before anything was trained"
        words = [word for word in sys.argv[1:] if word != "--resume"]
        where = [] if command.out else ["--out", str(self.folder)]
        return f"stopped; go on with: {shlex.join(['canon', *words, *where, '--resume'])}"


def _doing(step: Any) -> str:
    if step.doing == "train":
        return f"epoch {step.epoch}"
    return f"evaluating epoch {step.epoch}" if step.epoch else "evaluating"


def _line(event: "Note | Epoch | Stopped") -> str | None:
    from canon.training.events import Stopped
    from canon.workflows.train import Note

    if isinstance(event, Note):
        return event.text
    if isinstance(event, Stopped):
        return None if event.reason == "epochs" else f"stopped: {event.reason}"
    line = f"epoch {event.epoch:>{len(str(event.epochs))}}/{event.epochs}  loss {event.loss:.4f}"
    if event.scores is not None:
        line += f"  {_figure(event.scores)}  loss there {event.scores.loss:.4f}"
    return f"{line}  {event.seconds:.1f} s  {event.images_per_second:,.0f} images/s"


def _figure(scores: "Metrics") -> str:
    iou = scores.summary().get("mean_iou")
    return f"error {percent(scores.error):>8}" if iou is None else f"mean IoU {percent(iou):>8}"


def _print_result(trained: "Finished") -> None:
    from canon.runs.folder import REPORT
    from canon.tasks.classification.metrics import ClassificationMetrics

    scores = trained.scores
    told = _of_images(scores) if isinstance(scores, ClassificationMetrics) else _of_pixels(scores)
    print(f"{trained.split}: {told}")
    print(f"report: {trained.run.path / REPORT}")


def _of_images(scores: "ClassificationMetrics") -> str:
    low, high = map(percent, scores.interval(1))
    top5 = f", top-5 {percent(scores.top(5))}" if scores.classes > 5 else ""
    wrong = f"{scores.count - scores.hits(1):,} of {scores.count:,} wrong"
    return f"top-1 {percent(scores.top(1))} (95 %: {low} to {high}){top5}, {wrong}"


def _of_pixels(scores: "Metrics") -> str:
    figures = scores.summary()
    constant = f"a constant prediction has {percent(figures['constant'])}"
    right = f"{percent(figures['pixel_accuracy'])} of {figures['pixels']:,} pixels right"
    return f"mean IoU {percent(figures['mean_iou'])} ({constant}), {right}"
