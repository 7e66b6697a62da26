"""`canon train`: from a folder of images to a run folder with a report."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import between_processes, is_main_process, progress_bars
from canon.cli.flags import Switch, flag
from canon.cli.interrupt import Interrupt
from canon.errors import LostProcessError
from canon.options import UpsamplingName
from canon.runs.config import TrainConfig
from canon.utils.huge_pages import keep_freed_memory, use_huge_pages

if TYPE_CHECKING:
    from canon.training import Epoch, Stopped
    from canon.utils.progress import Step
    from canon.workflows.train import Finished, Note

WARM = 20  # steps after which all memory of training is allocated


@dataclass(frozen=True)
class Command(TrainConfig):
    """Train a network and write a run folder: weights, metrics, report, resumable state.

    Classifiers take a folder with one subfolder of images per class. Segmentation networks take
    folders images/ and masks/.

    Args:
        model: a name from `canon list models`.
        data: a folder with one subfolder per class, or with images/ and masks/; a folder of idx
            files or CIFAR batches; an npz file; or a name from `canon list data`.
        out: the run folder to create.
        recipe: modern, for small datasets, or paper, as published.
        epochs: number of training epochs.
        batch: images per step, over all devices.
        lr: base learning rate: the peak, if the schedule has warm-up.
        image: side of the network's input in pixels: classifiers resize images to it, segmentation
            networks train on crops of it.
        channels: convert images to grey (1) or RGB (3).
        val: fraction of the training images held out for validation, if the data has no such split.
        augment: how training images are changed: none, light (crops and flips), photo (also
            magnified, slightly coloured or rotated), any-way-up (also turned: cells, aerial
            images), or auto: what suits the network, and colour or grey images.
        rotate: largest rotation of training images in degrees.
        zoom: largest magnification of training images.
        flip: flip training images; with auto, classifiers flip colour images only, and segmentation
            networks flip as their recipe says.
        weights: initial weights: a run folder, a file (.pth, .safetensors), or a name from `canon
            list weights`; the head is replaced if the classes differ.
        freeze: freeze all stages up to and including this one (`canon show MODEL --by stage` lists
            them).
        patience: stop after this many epochs without improvement of the validation error or mean
            IoU, and keep the best weights; 0 never stops early.
        time_limit: stop after this many minutes, then evaluate and save.
        accumulate: split each batch into this many micro-batches to save memory; the gradient is
            the same, except through batch normalisation.
        seed: random seed of weights, split, sample order and augmentation.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: fp32, or mixed precision bf16 or fp16.
        width: channels of the first level (U-Net variants and encoder-decoder only).
        depth: number of downsampling steps (U-Net variants only).
        upsampling: nearest, bilinear, bicubic, transposed, channelwise, unpool or bed-of-nails, for
            segmentation networks whose name does not fix it.
        backbone: classifier that the network is built on (encoder-decoder only).
        class_weights: class weights of the loss: none, or median frequency balancing (segmentation
            only).
        border_weight: weight of pixels between touching cells, U-Net's w0 (segmentation only).
        dice_weight: weight of the Dice loss, added to cross-entropy (segmentation only).
        crop_width: width of training crops in pixels; --image is their height (segmentation only).
        downscale: train, evaluate and predict on images reduced N times (segmentation only).
        skip_bad: leave unreadable files out instead of stopping.
        resume: resume the run in --out.
    """

    model: Annotated[
        tyro.conf.Positional[str | None], flag("[MODEL]", "with --resume, that of the run")
    ] = None  # type: ignore[assignment]
    data: tyro.conf.Positional[str] = "digits"
    out: Annotated[Path | None, flag("DIR", "runs/MODEL-DATA")] = None
    epochs: Annotated[int | None, flag("N", "the recipe's")] = None
    batch: Annotated[int | None, flag("N", "the recipe's, at most a quarter of the images")] = None
    lr: Annotated[float | None, flag("X", "the recipe's")] = None
    image: Annotated[int | None, flag("N", "the recipe's, else the images', else the paper's")] = (
        None
    )
    channels: Annotated[Literal[1, 3] | None, flag("{1,3}", "as in the images")] = None
    val: Annotated[float | None, flag("X", "0.1, or 0.2 without a test split")] = None
    rotate: Annotated[float | None, flag("DEGREES", "as --augment says")] = None
    zoom: Annotated[float | None, flag("X", "as --augment says")] = None
    weights: Annotated[str | Path | None, flag("RUN|FILE|NAME", "random")] = None
    freeze: Annotated[str | None, flag("STAGE", "nothing is frozen")] = None
    patience: Annotated[int, flag("N", "0")] = 0
    time_limit: Annotated[float | None, flag("M", "no limit")] = None
    accumulate: Annotated[int, flag("N", "1")] = 1
    seed: Annotated[int, flag("N", "0")] = 0
    device: Annotated[str, flag("NAME", "auto")] = "auto"
    width: Annotated[int | None, flag("N", "the paper's")] = None
    depth: Annotated[int | None, flag("N", "the paper's")] = None
    upsampling: Annotated[UpsamplingName | None, flag("METHOD", "the paper's")] = None
    backbone: Annotated[str | None, flag("MODEL", "resnet34")] = None
    class_weights: Annotated[
        Literal["none", "median"] | None, flag("{none,median}", "the recipe's")
    ] = None
    border_weight: Annotated[float | None, flag("W", "the recipe's")] = None
    dice_weight: Annotated[float | None, flag("W", "the recipe's")] = None
    crop_width: Annotated[int | None, flag("PIXELS", "as high as wide")] = None
    downscale: Annotated[int | None, flag("N", "1")] = None
    skip_bad: Switch = False
    resume: Switch = False


def run(command: Command) -> int:
    """Train and report events. Ctrl-C stops at the next step and saves the state."""
    from canon.utils.devices import leave_group
    from canon.utils.progress import Step
    from canon.workflows.train import Finished, Started, train_events

    keep_freed_memory()
    interrupt = Interrupt()
    with progress_bars(aside=False) as bars:
        events = train_events(command, bars.reading)
        for event in _in_huge_pages(_while_others_run(events, interrupt)):
            if isinstance(event, Started):
                interrupt.folder = event.path
            elif isinstance(event, Step):
                bars.at(_activity(event), event.done, event.batches)
            elif isinstance(event, Finished):
                finished = event
            elif line := _line(event, bool(command.patience)):
                bars.print(line)
            if interrupt.requested and not isinstance(event, Finished):
                events.close()
                bars.print(interrupt.advice(command.out))
                return 130
    if is_main_process():
        _print_result(finished)
    leave_group()
    return 0


def _while_others_run(events: Iterator[Any], interrupt: Interrupt) -> Iterator[Any]:
    """The events; says how to resume if another process ends during training."""
    try:
        yield from events
    except RuntimeError as failure:
        if between_processes(failure) and interrupt.folder is not None:
            raise LostProcessError(
                "another process has ended. Resume from the last saved state: the same command "
                "with --resume."
            ) from failure
        raise


def _in_huge_pages(events: Iterator[Any]) -> Iterator[Any]:
    """The events; the memory moves to huge pages once it is allocated."""
    from canon.utils.progress import Step

    left = WARM
    for event in events:
        left -= isinstance(event, Step)
        if left == 0:
            left = -1
            use_huge_pages()
        yield event


def _activity(step: "Step") -> str:
    if step.doing == "train":
        return f"epoch {step.epoch}"
    return f"evaluating epoch {step.epoch}" if step.epoch else "evaluating"


def _line(event: "Note | Epoch | Stopped | Any", patient: bool) -> str | None:
    from canon.training import Stopped
    from canon.utils.tables import duration, format_value
    from canon.workflows.train import Note

    if isinstance(event, Note):
        return event.text
    if isinstance(event, Stopped):
        return _why(event, patient)
    number = f"{event.epoch:>{len(str(event.epochs))}}/{event.epochs}"
    line = f"epoch {number}  train loss {event.loss:.4f}"
    if event.metrics is not None:
        figure = event.metrics.monitored
        value = format_value(figure.value, figure.unit) or "undefined"
        line += f"  val {figure.name} {value:>8}  val loss {event.metrics.loss:.4f}"
    line += f"  lr {event.lr:.2g}  {event.seconds:.1f} s  {event.images_per_second:,.0f} images/s"
    return line + (f"  {duration(event.remaining)} to go" if event.remaining >= 1 else "")


def _why(event: "Stopped", patient: bool) -> str | None:
    """Why training ended before the last epoch, and which weights are kept."""
    if event.reason == "epochs":
        return f"the weights of epoch {event.best_epoch}, the best, are kept" if patient else None
    best = patient and event.best_epoch
    kept = f"the weights of epoch {event.best_epoch}, the best," if best else "the last weights"
    if event.reason == "patience":
        return f"stopped early: no improvement since epoch {event.best_epoch}; {kept} are kept"
    return (
        f"stopped at the time limit, after step {event.step:,} of {event.steps:,}; {kept} are "
        "kept. The learning rate did not reach its end: fewer --epochs would fit"
    )


def _print_result(finished: "Finished") -> None:
    from canon.runs.folder import REPORT

    print(f"{finished.split}: {', '.join(map(str, finished.metrics.figures()))}")
    print(f"report: {finished.run.path / REPORT}")
