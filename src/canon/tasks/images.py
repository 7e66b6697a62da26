"""What tasks share that predict a few numbers for each image."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data import DataReport, ImagePack, Preprocessing, Split
from canon.data.augment.image_batches import ImageBatches
from canon.data.images.listing import find_images
from canon.data.packs.images import build_image_pack
from canon.data.preprocessing import tensor_of
from canon.data.targets.base import Values
from canon.errors import DataError, require_positive
from canon.inference.predictor import Predictor
from canon.inference.read_ahead import read_ahead
from canon.models import model_info
from canon.recipes.images import ClassificationRecipe
from canon.runs.config import TrainConfig
from canon.runs.folder import TrainedModel
from canon.tasks.base import EvalOptions, Prediction, PredictOptions, Task
from canon.tasks.gather import image_evaluation
from canon.training.interfaces import Batches, Evaluate, Metrics
from canon.training.recipe import Recipe
from canon.types import RawImages
from canon.utils.progress import Progress, Step, Watch
from canon.weights import PUBLISHED

BATCH = 64  # images at a time in prediction, if not given

Fault = str


class ImageTask(Task[ImagePack]):
    """A task on squares of images: packed in memory, cropped and evaluated in batches.

    A subclass names its targets and options, and defines `objective`, `sample_figures`, `metrics`,
    `columns`, `prediction` and `failed`.
    """

    section: ClassVar[str | None] = None
    writes_files: ClassVar[bool] = False
    ensembles: ClassVar[bool] = False
    options: ClassVar[frozenset[str]] = frozenset()
    batch_type: ClassVar[type[ImageBatches]] = ImageBatches
    width: ClassVar[int]  # figures of a sample

    def preprocessing(
        self, config: TrainConfig, recipe: Recipe[ClassificationRecipe], data: DataReport
    ) -> Preprocessing:
        """The side is the config's, that of published weights, the recipe's or the images'."""
        published, own_side = PUBLISHED.get(str(config.weights)), data.images.side
        usual = published.image if published else recipe.images.image or own_side
        side = config.image or usual or model_info(config.model).published.image
        border = recipe.images.border if side == recipe.images.image != own_side else 0
        share = published.image / published.resize if published else recipe.images.crop
        roomy = own_side is None or own_side * share >= side
        crop = share if roomy and own_side != side else 1.0
        channels = config.channels or data.images.channels
        return Preprocessing(side, channels, data.images.bits, border, crop)

    def pack(
        self, split: Split, prep: Preprocessing, progress: Progress | None = None
    ) -> ImagePack:
        """The stored squares of a split and their targets."""
        assert isinstance(split.targets, Values)
        return build_image_pack(split.images, split.targets.values, prep, progress)

    def batches(
        self,
        pack: ImagePack,
        net: nn.Module,  # noqa: ARG002
        prep: Preprocessing,
        recipe: Recipe[ClassificationRecipe],
        device: torch.device,
    ) -> ImageBatches:
        """Augmented crops."""
        return self.batch_type(pack.to(device), prep, recipe.images.augmentation)

    @abstractmethod
    def sample_figures(self, net: nn.Module, outputs: Tensor, targets: Tensor) -> Tensor:
        """What the metrics need of each sample, (n, width), from float32 outputs (n, K)."""

    @abstractmethod
    def metrics(self, figures: Tensor, outputs: int) -> Metrics:
        """The metrics of all samples, from their figures (N, width)."""

    def outputs(self, predictor: Predictor, model: TrainedModel, raw: RawImages) -> Tensor:  # noqa: ARG002
        """What predictions are made from, (n, ...), of the evaluated part of stored squares."""
        return predictor(raw)

    @abstractmethod
    def prediction(
        self, path: Path, outputs: Tensor, model: TrainedModel, options: PredictOptions
    ) -> Prediction:
        """The prediction for one image, from its outputs (K,)."""

    @abstractmethod
    def failed(self, path: Path, fault: Fault) -> Prediction:
        """The prediction for an image that cannot be read."""

    def evaluation(
        self,
        samples: ImagePack | Split,
        prep: Preprocessing,
        outputs: int,
        accelerator: Accelerator,
        options: EvalOptions = EvalOptions(),  # noqa: B008
    ) -> Evaluate:
        """Centre crops."""
        if isinstance(samples, Split):
            samples = self.pack(samples, prep, options.progress)
        batches = self.batch_type(samples.to(accelerator.device), prep)
        metrics: Callable[[Tensor], Any] = lambda figures: self.metrics(figures, outputs)  # noqa: E731
        return image_evaluation(
            batches, self.width, self.sample_figures, metrics, accelerator, options.batch
        )

    def notes(
        self,
        data: DataReport,
        prep: Preprocessing,
        pack: ImagePack,
        batches: Batches,  # noqa: ARG002
        classes: Sequence[str],  # noqa: ARG002
        recipe: Recipe[ClassificationRecipe],  # noqa: ARG002
    ) -> Iterator[str]:
        """How images are resized, and what is in memory."""
        sides, side = data.images.size_in_words, data.images.side
        border = f", with {prep.border} pixels of repeated edge on each side" if prep.border else ""
        if side != prep.image:
            yield f"images of {sides} are resized to {prep.image} x {prep.image}{border}"
        size = " x ".join(map(str, pack.images.shape[1:]))
        yield f"packed in memory: {size}, {prep.bits} bits"

    def predict(
        self,
        model: TrainedModel,
        predictor: Predictor,
        paths: Sequence[Path],
        options: PredictOptions,
        watch: Watch,
    ) -> Iterator[Prediction]:
        """Predict files, and all image files in folders, in their order.

        Raises:
            DataError: a path that does not exist, a folder without images, an unreadable file.
            InputError: `top` or `batch` is below one.
        """
        batch = BATCH if options.batch is None else options.batch
        require_positive(top=options.top, batch=batch)
        files = [file for path in paths for file in find_images(path)]
        files = [file for file in files if str(file) not in options.done]
        prep = model.preprocessing
        read = read_ahead(files, partial(_read, prep, skip_bad=options.skip_bad), 2 * batch)
        for start in range(0, len(files), batch):
            chunk = files[start : start + batch]
            found = [*islice(read, len(chunk))]
            stored = [square for square in found if isinstance(square, Tensor)]
            rows = iter(self.outputs(predictor, model, prep.center(torch.stack(stored)))
                        if stored else ())  # fmt: skip
            for file, square in zip(chunk, found, strict=True):
                if isinstance(square, Tensor):
                    yield self.prediction(file, next(rows), model, options)
                else:
                    yield self.failed(file, square)
            watch(Step("predict", 0, min(start + batch, len(files)), len(files)))


def _read(prep: Preprocessing, file: Path, *, skip_bad: bool) -> Tensor | Fault:
    """The stored square of a file, or what is wrong with it.

    Raises:
        DataError: it cannot be read, and may not be skipped.
    """
    try:
        return tensor_of(prep.read(file))
    except DataError as reason:
        if not skip_bad:
            raise DataError(f"{reason} Or pass --skip-bad.") from None
        return str(reason)
