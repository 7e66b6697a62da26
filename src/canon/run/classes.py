"""Training where each image has a class: packs of squares, crops, cross-entropy, top-1."""

from collections.abc import Iterator
from typing import Any

from accelerate import Accelerator
from torch import nn

from canon.data import Pack, Part, Preprocessing, Report
from canon.data.augment import Batches
from canon.data.check import Progress
from canon.data.masks import MaskValues
from canon.data.pack import build_pack
from canon.fitting import Recipe, evaluate
from canon.fitting.sitting import Measure, Samples
from canon.models import entry
from canon.run.config import Training
from canon.run.folder import Run
from canon.tasks import Classify, Scores, Task
from canon.weights import RECORDS


def geometry(asked: Training, recipe: Recipe, report: Report) -> Preprocessing:
    """Side, border, crop and channels of the network's input; published weights have their own."""
    known = RECORDS.get(str(asked.weights))
    usual = known.image if known else recipe.image or report.side
    side = asked.image or usual or entry(asked.model).published.image
    border = recipe.border if side == recipe.image != report.side else 0
    share = known.image / known.resize if known else recipe.crop
    roomy = report.side is None or report.side * share >= side
    crop = share if roomy and report.side != side else 1.0
    return Preprocessing(side, asked.channels or report.channels, report.bits, border, crop)


def samples(pack: Pack, how: Preprocessing, asked: Training) -> int:  # noqa: ARG001
    """Each image is one sample an epoch."""
    return len(pack)


def pack(
    part: Part,
    how: Preprocessing,
    values: MaskValues | None,  # noqa: ARG001
    progress: Progress | None,
) -> Pack:
    """The stored squares of a split and their labels."""
    return build_pack(part, how, progress)


def ready(
    run: Run, net: nn.Module, recipe: Recipe, packs: dict[str, Pack], on: Accelerator
) -> tuple[Task, Samples, dict[str, Any], Measure]:
    """What the loop is given: task, training batches, every split's batches, how to measure."""
    how = run.preprocessing
    batches = {
        name: Batches(one.to(on.device), how, recipe.augmentation if name == "train" else None)
        for name, one in packs.items()
    }
    task = Classify.of(net, len(run.classes), recipe.smoothing)
    return task, batches["train"], batches, evaluate


def notes(
    run: Run,  # noqa: ARG001
    report: Report,
    how: Preprocessing,
    packs: dict[str, Pack],
) -> Iterator[str]:
    """What becomes of the images: nothing is changed silently."""
    low, high = min(report.sides), max(report.sides)
    was = f"{low} x {low}" if low == high else f"{low} to {high} pixels a side"
    frame = f", of which {how.border} on each side repeat the edge" if how.border else ""
    if low != high or low != how.image:
        yield f"images of {was} become {how.image} x {how.image}{frame}"
    stored = next(iter(packs.values())).images
    size = " x ".join(map(str, stored.shape[1:]))
    yield f"packed in memory: {size}, {how.bits} bits"


def write_report(run: Run, scores: Scores, split: str, pack: Pack, net: nn.Module) -> None:  # noqa: ARG001
    """The page of a finished run."""
    # Drawing takes half a second to import, which only a finished run pays.
    from canon.run import report  # noqa: PLC0415

    report.write_report(run, scores, split, pack)
