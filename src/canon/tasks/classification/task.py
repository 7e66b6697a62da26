"""The classification task: packs of squares, crops, cross-entropy, top-1."""

from collections.abc import Iterator
from typing import Any

from accelerate import Accelerator
from torch import nn

from canon.data import DataReport, ImagePack, Preprocessing, Split
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import build_image_pack
from canon.data.targets.mask_codes import MaskCodes
from canon.models import model_info
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.tasks.classification.evaluate import evaluate
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.metrics import ClassificationMetrics
from canon.training.interfaces import Batches, Evaluate, Objective
from canon.training.recipe import Recipe
from canon.utils.progress import Progress
from canon.weights import PUBLISHED


def geometry(asked: TrainConfig, recipe: Recipe, report: DataReport) -> Preprocessing:
    """Side, border, crop and channels of the network's input; published weights have their own."""
    known = PUBLISHED.get(str(asked.weights))
    usual = known.image if known else recipe.image or report.side
    side = asked.image or usual or model_info(asked.model).published.image
    border = recipe.border if side == recipe.image != report.side else 0
    share = known.image / known.resize if known else recipe.crop
    roomy = report.side is None or report.side * share >= side
    crop = share if roomy and report.side != side else 1.0
    return Preprocessing(side, asked.channels or report.channels, report.bits, border, crop)


def samples(pack: ImagePack, how: Preprocessing, asked: TrainConfig) -> int:  # noqa: ARG001
    """Each image is one sample an epoch."""
    return len(pack)


def pack(
    part: Split,
    how: Preprocessing,
    values: MaskCodes | None,  # noqa: ARG001
    progress: Progress | None,
) -> ImagePack:
    """The stored squares of a split and their labels."""
    return build_image_pack(part, how, progress)


def ready(
    run: Run, net: nn.Module, recipe: Recipe, packs: dict[str, ImagePack], on: Accelerator
) -> tuple[Objective, Batches, dict[str, Any], Evaluate]:
    """What the loop is given: task, training batches, every split's batches, how to measure."""
    how = run.preprocessing
    batches = {
        name: ImageBatches(one.to(on.device), how, recipe.augmentation if name == "train" else None)
        for name, one in packs.items()
    }
    task = ClassificationLoss.of(net, len(run.classes), recipe.smoothing)
    return task, batches["train"], batches, evaluate


def notes(
    run: Run,  # noqa: ARG001
    report: DataReport,
    how: Preprocessing,
    packs: dict[str, ImagePack],
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


def write_report(
    run: Run,
    scores: ClassificationMetrics,
    split: str,
    pack: ImagePack,
    net: nn.Module,  # noqa: ARG001
) -> None:
    """The page of a finished run."""
    # Drawing takes half a second to import, which only a finished run pays.
    from canon.tasks.classification import report  # noqa: PLC0415

    report.write_report(run, scores, split, pack)
