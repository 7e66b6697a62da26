"""`canon evaluate`: the metrics of a run on its own or other data."""

import json
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import percent, progress_bars, show_table

if TYPE_CHECKING:
    from canon.tasks.classification.metrics import ClassificationMetrics
    from canon.tasks.segmentation.metrics import SegmentationMetrics
    from canon.utils.progress import Step

LOOKS = {"10-crop": "10 crops", "multi-crop": "up to 144 crops", "dense": "two views a scale"}
HEAD = ["class", "images", "recall", "precision"]


@dataclass(frozen=True)
class Command:
    """Evaluate a trained run: top-1 and top-5 with confidence intervals, recall and precision.

    Where each pixel has a class: mean IoU, and IoU and Dice of each class.

    Args:
        run: a run folder.
        data: other data with the same classes; the run's own if not given.
        split: train, val or test; the best held-back one if not given.
        protocol: how the papers test: the centre, ten crops, 144 crops at four scales, or the whole
            image at several scales.
        batch: images at a time.
        device: auto, cpu, cuda or mps.
        membranes: of two classes, the second the inside of cells: Rand and pixel errors as in the
            ISBI 2012 challenge, too.
        skip_bad: leave unreadable files out instead of refusing.
        json: print JSON, with the confusion matrix.
        csv: print the classes as CSV.
    """

    run: tyro.conf.Positional[Path]
    data: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="DATA")] = None
    split: Annotated[
        Literal["train", "val", "test"] | None, tyro.conf.arg(metavar="{train,val,test}")
    ] = None
    protocol: Literal["1-crop", "10-crop", "multi-crop", "dense"] = "1-crop"
    batch: int = 256
    device: str = "auto"
    membranes: bool = False
    skip_bad: bool = False
    json: bool = False
    csv: bool = False


def run(command: Command) -> int:
    """Print the figures."""
    from canon.runs.open import open_run
    from canon.workflows.evaluate import evaluate

    trained = open_run(command.run)
    with progress_bars() as shown:

        def watch(step: "Step") -> None:
            if step.done == 1 and command.protocol in LOOKS:  # in a pipe, which has no bar, too
                each = f"{LOOKS[command.protocol]} of each of {step.batches:,} images"
                shown.say(f"{command.protocol}: {each}")
            shown.at("evaluating", step.done, step.batches)

        split, scores = evaluate(
            trained, command.data, command.split, protocol=command.protocol, device=command.device,
            batch=command.batch, skip_bad=command.skip_bad, progress=shown.reading,
            watch=watch,
        )  # fmt: skip
        errors = _membranes(command) if command.membranes else {}
    if trained.values is not None:
        _print_pixels(command, trained.classes, split, scores, errors)
        return 0
    if command.json:
        told = {"split": split, "protocol": command.protocol}
        print(json.dumps(_record(trained.classes, scores) | told, indent=1))
        return 0
    show_table(HEAD, _rows(trained.classes, scores, human=not command.csv), as_csv=command.csv)
    if not command.csv:
        for k in (1, 5) if scores.classes > 5 else (1,):
            low, high = map(percent, scores.interval(k))
            reached = f"{percent(scores.top(k))} (95 %: {low} to {high})"
            print(f"top-{k} on {split}, {command.protocol}: {reached}")
        wrong = scores.count - scores.hits(1)
        print(f"{wrong:,} of {scores.count:,} wrong, loss {scores.loss:.4f} nats")
    return 0


def _membranes(command: Command) -> dict[str, float | None]:
    from canon.workflows.evaluate import evaluate_rand

    errors = evaluate_rand(command.run, command.data, command.split, device=command.device,
                       skip_bad=command.skip_bad)  # fmt: skip
    return {"rand_error": _number(errors.rand), "pixel_error": _number(errors.pixel)}


def _print_pixels(
    command: Command,
    classes: tuple[str, ...],
    split: str,
    scores: "SegmentationMetrics",
    errors: dict[str, float | None],
) -> None:
    pixels = scores.confusion.sum(1)
    columns = (pixels, pixels / max(1, pixels.sum()), scores.iou, scores.dice)
    rows = [[name, *(_number(c.item()) for c in row)]
            for name, *row in zip(classes, *columns, strict=True)]  # fmt: skip
    head = ["class", "pixels", "share", "IoU", "Dice"]
    if command.json:
        told = {"split": split, "classes": [dict(zip(head, row, strict=True)) for row in rows]}
        matrix = {"confusion": scores.confusion.tolist()}
        print(json.dumps(scores.summary() | errors | told | matrix, indent=1))
        return
    if command.csv:
        show_table(head, rows, as_csv=True)
        return
    show_table(head, [[*row[:2], *map(_told, row[2:])] for row in rows])
    constant = f"the best constant prediction has {percent(scores.constant())}"
    print(f"mean IoU on {split}: {percent(scores.mean_iou)} ({constant})")
    print(
        f"pixels right {percent(scores.pixel_accuracy)}, mean of classes "
        f"{percent(scores.mean_accuracy)}, frequency weighted IoU "
        f"{percent(scores.frequency_weighted_iou)}, loss {scores.loss:.4f} nats"
    )
    if errors:
        rand, pixel = (f"{e:.4f}" if e is not None else "none" for e in errors.values())
        print(f"Rand error {rand}, pixel error {pixel}, at the best thresholds")


def _rows(
    classes: tuple[str, ...], scores: "ClassificationMetrics", human: bool
) -> list[list[Any]]:
    columns = (scores.confusion().sum(1), scores.recall(), scores.precision())
    rows = zip(classes, *(column.tolist() for column in columns), strict=True)
    told = percent if human else _number
    return [[name, count, *map(told, rates)] for name, count, *rates in rows]


def _told(share: Any) -> str:
    return percent(share)


def _number(rate: float) -> float | None:
    """Nothing for what cannot be told, which JSON has no number for."""
    return None if isnan(rate) else rate


def _record(classes: tuple[str, ...], scores: "ClassificationMetrics") -> dict[str, Any]:
    told = [dict(zip(HEAD, row, strict=True)) for row in _rows(classes, scores, human=False)]
    return scores.summary() | {"classes": told, "confusion": scores.confusion().tolist()}
