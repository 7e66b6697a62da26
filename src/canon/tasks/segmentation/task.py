"""The segmentation task: packs of masks, deformed crops, cross-entropy, IoU."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data import DataReport, Preprocessing, Split
from canon.data.augment.mask_batches import MaskBatches
from canon.data.packs.masks import MaskPack, build_mask_pack
from canon.data.targets.masks import Masks
from canon.errors import DataError, InputError
from canon.inference.predictor import Predictor
from canon.models import build, model_info
from canon.recipes.images import SegmentationRecipe
from canon.runs.config import TrainConfig
from canon.runs.folder import TrainedModel
from canon.runs.plan import open_options
from canon.tasks.base import EvalOptions, PredictOptions, Task
from canon.tasks.segmentation.border_weights import border_weights
from canon.tasks.segmentation.evaluate import evaluation
from canon.tasks.segmentation.loss import SegmentationLoss, median_frequency
from canon.tasks.segmentation.mask_files import MaskPrediction
from canon.tasks.segmentation.predict import predict
from canon.tasks.segmentation.tile_plan import dense_output
from canon.training.interfaces import Batches, Evaluate
from canon.training.recipe import Recipe
from canon.utils.progress import Progress, Watch
from canon.utils.tables import Column

USUAL = 256  # side of the output of a training crop in pixels, where images are as large

# Fields of configs and options that only segmentation reads.
# fmt: off
OPTIONS = frozenset([
    "class_weights", "border_weight", "dice_weight", "crop_width", "downscale", "rand_error",
    "format", "tile", "overlay", "probabilities", "PredictOptions.resume",
])
# fmt: on

OutputSide = Callable[[int], int]


class Segmentation(Task[MaskPack]):
    """One label per pixel."""

    name: ClassVar[str] = "segment"
    title: ClassVar[str] = "segmentation"
    target_kind: ClassVar[str | None] = "mask"
    expected: ClassVar[str] = "folders images/ and masks/"
    example: ClassVar[str] = "unet-same"
    section: ClassVar[str | None] = "canon.tasks.segmentation.report"
    writes_files: ClassVar[bool] = True
    ensembles: ClassVar[bool] = False
    options: ClassVar[frozenset[str]] = OPTIONS

    def preprocessing(
        self, config: TrainConfig, recipe: Recipe[SegmentationRecipe], data: DataReport
    ) -> Preprocessing:
        """Side and channels of the training crops: legal for the network.

        Raises:
            InputError: the network does not take the side of the config; the message says which.
        """
        channels, bits = config.channels or data.images.channels, data.images.bits
        published, factor = model_info(config.model).published.image, config.downscale or 1
        sides = _output_side(config, channels)
        size = config.image, config.crop_width
        for side in filter(None, size):
            sides(side)
        low_h, _, low_w, _ = (-(-side // factor) for side in data.images.sides)
        largest = min(USUAL, low_h, low_w, published)  # no crop is larger than an image
        usual = published if recipe.name == "paper" else _legal_side(
            largest, published - sides(published), sides
        )  # fmt: skip
        height = config.image or usual
        return Preprocessing(
            height, channels, bits, width=config.crop_width, downscale=factor
        )  # fmt: skip

    def pack(self, split: Split, prep: Preprocessing, progress: Progress | None = None) -> MaskPack:
        """The images of a split and the classes of their pixels.

        Raises:
            DataError: every pixel is ignored.
        """
        assert isinstance(split.targets, Masks)
        pack = build_mask_pack(
            split.images, split.targets, prep.channels, prep.bits, progress, prep.downscale
        )
        if not pack.pixels().any():
            raise DataError(
                f"all pixels of the {len(pack)} masks, such as {split.targets.files[0]}, are "
                "ignored, so the split cannot be used. Fix the masks or choose another split."
            )
        return pack

    def batches(
        self,
        pack: MaskPack,
        net: nn.Module,
        prep: Preprocessing,
        recipe: Recipe[SegmentationRecipe],
        device: torch.device,
    ) -> MaskBatches:
        """Deformed crops; each image is seen as often as its area holds outputs."""
        height, width = (dense_output(net).output_side(side) for side in prep.size)
        return MaskBatches(
            pack, prep, recipe.images.deformation, margin=(prep.image - height) // 2,
            weights=_border_maps(pack, recipe), repeats=_crops(pack, height * width),
            device=device,
        )  # fmt: skip

    def objective(
        self,
        net: nn.Module,  # noqa: ARG002
        pack: MaskPack,
        recipe: Recipe[SegmentationRecipe],
    ) -> SegmentationLoss:
        """Weighted cross-entropy; border weights contain the class weights already."""
        weights = None if recipe.images.border_weight else _class_weights(pack, recipe)
        return SegmentationLoss(pack.counts.shape[1], weights, recipe.images.dice_weight)

    def evaluation(
        self,
        samples: MaskPack | Split,
        prep: Preprocessing,
        outputs: int,
        accelerator: Accelerator,
        options: EvalOptions = EvalOptions(),  # noqa: B008
    ) -> Evaluate:
        """Whole images, in tiles where they are large."""
        pack = self.pack(samples, prep, options.progress) if isinstance(samples, Split) else samples
        return evaluation(pack, prep, outputs, accelerator, rand_error=options.rand_error)

    def notes(
        self,
        data: DataReport,
        prep: Preprocessing,
        pack: MaskPack,
        batches: Batches,
        classes: Sequence[str],
        recipe: Recipe[SegmentationRecipe],
    ) -> Iterator[str]:
        """Crops of an epoch, and the share and the weight of each class."""
        size = data.images.size_in_words
        height, width = prep.size
        crops = f"{len(batches):,} crops of {height} x {width}"
        reduced = f", reduced {prep.downscale} times" if prep.downscale > 1 else ""
        yield f"{crops} per epoch from {len(pack):,} images of {size}{reduced}"
        pixels = pack.pixels().sum(0)
        shares = pixels / max(1, int(pixels.sum()))
        listed = (f"{name} {100 * s:.1f} %" for name, s in zip(classes, shares, strict=True))
        yield f"pixels: {', '.join(listed)}"
        yield from self._weights(pack, recipe, classes)

    def _weights(
        self, pack: MaskPack, recipe: Recipe[SegmentationRecipe], classes: Sequence[str]
    ) -> Iterator[str]:
        weights = _class_weights(pack, recipe)
        if weights is not None:
            listed = (f"{name} {w:.3g}" for name, w in zip(classes, weights, strict=True))
            yield f"weights of the classes in the loss: {', '.join(listed)}"

    def columns(self, classes: Sequence[str], options: PredictOptions) -> tuple[Column, ...]:  # noqa: ARG002
        """Image, mask, and the share of each class."""
        shares = (Column(f"share of {name}", "fraction") for name in classes)
        return Column("image"), Column("mask"), *shares

    def predict(
        self,
        model: TrainedModel,
        predictor: Predictor,
        paths: Sequence[Path],
        options: PredictOptions,
        watch: Watch,
    ) -> Iterator[MaskPrediction]:
        """Write a mask for each image."""
        return predict(model, predictor, paths, options, watch)


def _output_side(config: TrainConfig, channels: int) -> OutputSide:
    with torch.device("meta"):
        net = build(config.model, channels=channels, **open_options(config))
    return dense_output(net).output_side


def _legal_side(target: int, lost: int, sides: OutputSide) -> int:
    """The smallest legal side whose output is as large as a target."""
    side = target + lost
    while True:
        try:
            if sides(side) >= target:
                return side
        except InputError:
            pass
        side += 1


def _crops(pack: MaskPack, target: int) -> list[int]:
    """As many crops of each image as its area holds targets of this area, and one at least."""
    return [max(1, round(height * width / target)) for height, width in pack.sizes]


def _class_weights(pack: MaskPack, recipe: Recipe[SegmentationRecipe]) -> tuple[float, ...] | None:
    if recipe.images.class_weights != "median":
        return None
    return tuple(median_frequency(pack.pixels()).tolist())


def _border_maps(pack: MaskPack, recipe: Recipe[SegmentationRecipe]) -> list[Tensor] | None:
    """U-Net's weight of each pixel of each image, (H, W) float32, if the recipe has one."""
    if not recipe.images.border_weight:
        return None
    weights = _class_weights(pack, recipe) or (1.0,) * pack.counts.shape[1]
    maps = (
        border_weights(pack.mask(i), weights, w0=recipe.images.border_weight)
        for i in range(len(pack))
    )
    return [torch.from_numpy(one) for one in maps]
