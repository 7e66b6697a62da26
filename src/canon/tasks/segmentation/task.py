"""The segmentation task: packs of masks, deformed crops, cross-entropy, IoU."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data import DataReport, Preprocessing, Split
from canon.data.augment.mask_batches import MaskBatches
from canon.data.packs.masks import MaskPack, build_mask_pack
from canon.data.targets.mask_codes import MaskCodes
from canon.errors import DataError, InputError
from canon.models import build, model_info
from canon.options import OPEN_OPTIONS
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.tasks.segmentation.border_weights import border_weights
from canon.tasks.segmentation.evaluate import WholeImages, evaluate
from canon.tasks.segmentation.loss import SegmentationLoss, median_frequency
from canon.tasks.segmentation.metrics import SegmentationMetrics
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.training.interfaces import Batches, Evaluate, Objective
from canon.training.recipe import Recipe
from canon.utils.progress import Progress

USUAL = 256  # pixels a side of a training crop's target, where images are as large


def geometry(asked: TrainConfig, recipe: Recipe, report: DataReport) -> Preprocessing:
    """Side and channels of the crops that are trained on: legal for the network.

    Raises:
        InputError: a side was asked for that the network does not take; the message says which.
    """
    channels = asked.channels or report.channels
    published = model_info(asked.model).published.image
    sides = _output_side(asked, channels)
    if asked.image is not None:
        sides(asked.image)
        return Preprocessing(asked.image, channels, report.bits)
    if recipe.name == "paper":
        return Preprocessing(published, channels, report.bits)
    lost = published - sides(published)
    largest = min(USUAL, max(report.sides), published)
    return Preprocessing(_legal_from(largest, lost, sides), channels, report.bits)


def _output_side(asked: TrainConfig, channels: int) -> Callable[[int], int]:
    chosen = {name: getattr(asked, name) for name in OPEN_OPTIONS}
    with torch.device("meta"):
        net = build(asked.model, channels=channels, **chosen)
    return cast(Callable[[int], int], net.output_side)


def _legal_from(target: int, lost: int, sides: Callable[[int], int]) -> int:
    """The smallest legal side whose output is as large as a target."""
    side = target + lost
    while True:
        try:
            if sides(side) >= target:
                return side
        except InputError:
            pass
        side += 1


def samples(pack: MaskPack, how: Preprocessing, asked: TrainConfig) -> int:
    """All crops of an epoch."""
    return sum(_crops(pack, _output_side(asked, how.channels)(how.image)))


def _crops(pack: MaskPack, target: int) -> list[int]:
    """As many crops of each image as its area holds targets, and one at least."""
    return [max(1, round(height * width / target**2)) for height, width in pack.sizes]


def pack(
    part: Split, how: Preprocessing, values: MaskCodes | None, progress: Progress | None
) -> MaskPack:
    """The images of a split and the classes of their pixels."""
    assert values is not None
    return build_mask_pack(part, values, how.channels, how.bits, progress)


def ready(
    run: Run, net: nn.Module, recipe: Recipe, packs: dict[str, MaskPack], on: Accelerator
) -> tuple[Objective, Batches, dict[str, Any], Evaluate]:
    """What the loop is given: task, training crops, every split whole, how to measure."""
    how, train = run.preprocessing, packs["train"]
    for name, one in packs.items():
        if not one.pixels().any():
            raise DataError(
                f"no pixel of the {name} masks counts, all are ignored; expected some to measure "
                "by. Mend the masks, or choose another split."
            )
    balanced = None
    if recipe.weighting == "median":
        balanced = tuple(median_frequency(train.pixels()).tolist())
    maps = None
    if recipe.separation:
        maps = _border_maps(train, balanced or (1.0,) * len(run.classes), recipe.separation)
    task = SegmentationLoss(len(run.classes), None if maps else balanced, recipe.dice)
    target = cast(int, net.output_side(how.image))  # type: ignore[operator]
    crops = MaskBatches(
        train, how, recipe.warping, margin=(how.image - target) // 2, weights=maps,
        repeats=_crops(train, target), device=on.device,
    )  # fmt: skip
    tiling = plan_tiles(run.model, run.facts["numbers"])
    sets = {name: WholeImages(one, how, tiling) for name, one in packs.items()}
    return task, crops, sets, evaluate


def _border_maps(train: MaskPack, weights: tuple[float, ...], w0: float) -> list[Tensor]:
    """U-Net's weight of each pixel of each image, (H, W) float32."""
    maps = (border_weights(train.raw_mask(i), weights, w0=w0) for i in range(len(train)))
    return [torch.from_numpy(one) for one in maps]


def notes(
    run: Run, report: DataReport, how: Preprocessing, packs: dict[str, MaskPack]
) -> Iterator[str]:
    """What becomes of the images: nothing is changed silently."""
    train = packs["train"]
    low, high = min(report.sides), max(report.sides)
    size = f"{low} x {low}" if low == high else f"{low} to {high} pixels a side"
    crops = f"{run.facts['samples']:,} crops of {how.image} x {how.image}"
    yield f"{crops} an epoch from {len(train):,} images of {size}"
    shares = train.pixels().sum(0) / max(1, train.pixels().sum())
    told = ", ".join(f"{c} {100 * s:.1f} %" for c, s in zip(run.classes, shares, strict=True))
    yield f"pixels: {told}"


def write_report(
    run: Run, scores: SegmentationMetrics, split: str, pack: MaskPack, net: nn.Module
) -> None:
    """The page of a finished run."""
    # Drawing takes half a second to import, which only a finished run pays.
    from canon.tasks.segmentation import report  # noqa: PLC0415

    report.write_report(run, scores, split, pack, net)
