"""`canon evaluate`: the metrics of a run on its own or other data."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from canon.cli.console import progress_bars, show
from canon.cli.flags import SplitName, Switch, flag

if TYPE_CHECKING:
    from canon.utils.progress import Step

CROPS = {"10-crop": "10 crops", "multi-crop": "up to 144 crops", "dense": "two views per scale"}


@dataclass(frozen=True)
class Command:
    """Evaluate the network of a run.

    Classifiers: top-1 and top-5 accuracy with 95 % confidence intervals, recall and precision.
    Segmentation: mean IoU and accuracies, IoU and Dice of each class.

    Args:
        run: a run folder, or a file that `canon export` wrote.
        data: another dataset with the same classes.
        split: the split to evaluate.
        protocol: test protocol of the papers: the centre crop, the central square, ten crops, up to
            144 crops at four scales, or the whole image at several scales (classification only).
        image: shorter side in pixels of the images that square and dense test.
        rand_error: also report the Rand and pixel errors of the ISBI 2012 challenge; the classes
            are membrane and cell, in this order (segmentation only).
        batch: images, or crops of them, at a time.
        device: auto, cpu, cuda, cuda:N or mps.
        skip_bad: leave unreadable files out instead of stopping.
        json: print JSON, with the confusion matrix.
        csv: print the table of classes as CSV.
    """

    run: tyro.conf.Positional[Path]
    data: Annotated[
        tyro.conf.Positional[str | None], flag("[DATA]", "the data that the run was trained on")
    ] = None
    split: SplitName = None
    protocol: Literal["1-crop", "square", "10-crop", "multi-crop", "dense"] = "1-crop"
    image: Annotated[int | None, flag("N", "the recipe's")] = None
    rand_error: Switch = False
    batch: Annotated[int, flag("N", "256")] = 256
    device: Annotated[str, flag("NAME", "auto")] = "auto"
    skip_bad: Switch = False
    json: Switch = False
    csv: Switch = False


def run(command: Command) -> int:
    """Print the metrics."""
    from canon.runs.exported import open_model
    from canon.workflows.evaluate import evaluate

    c, trained = command, open_model(command.run)
    with progress_bars() as bars:

        def watch(step: "Step") -> None:
            if step.done == 1 and c.protocol in CROPS:  # in a pipe, which has no bar, as well
                bars.print(f"{c.protocol}: {CROPS[c.protocol]} of each of {step.batches:,} images")
            bars.at("evaluating", step.done, step.batches)

        split, metrics = evaluate(
            trained, c.data, c.split, protocol=c.protocol, image=c.image,
            rand_error=c.rand_error, batch=c.batch, device=c.device, skip_bad=c.skip_bad,
            progress=bars.reading, watch=watch,
        )  # fmt: skip
    if command.json:
        where = {"split": split, "protocol": command.protocol}
        print(json.dumps(metrics.details(trained.classes) | where, indent=1))
        return 0
    table = metrics.per_class(trained.classes)
    if table.rows:
        show(table, as_csv=command.csv)
    if not command.csv:
        print(f"\n{split}, {command.protocol}:" if command.protocol in CROPS else f"\n{split}:")
        for figure in metrics.figures():
            print(f"  {figure}")
    return 0
