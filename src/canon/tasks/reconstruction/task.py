"""The reconstruction task: auto-encoders, mean squared error."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from canon.data import DataReport, ImagePack, Preprocessing
from canon.inference.predictor import Predictor
from canon.models import model_info
from canon.recipes.images import ClassificationRecipe
from canon.registry import smallest_image
from canon.runs.config import TrainConfig
from canon.runs.folder import TrainedModel
from canon.tasks.base import PredictOptions, ValuePrediction
from canon.tasks.images import ImageTask
from canon.tasks.reconstruction.loss import ReconstructionBatches, ReconstructionLoss
from canon.tasks.reconstruction.metrics import ReconstructionMetrics
from canon.training.recipe import Recipe
from canon.utils.tables import Column


class Reconstruction(ImageTask):
    """Each image from its code. Labels are not used."""

    name: ClassVar[str] = "reconstruct"
    title: ClassVar[str] = "reconstruction"
    target_kind: ClassVar[str | None] = None
    expected: ClassVar[str] = "images, with or without labels"
    example: ClassVar[str] = "cae"
    section: ClassVar[str | None] = "canon.tasks.reconstruction.report"
    batch_type: ClassVar[type[ReconstructionBatches]] = ReconstructionBatches
    width: ClassVar[int] = 1

    def preprocessing(
        self, config: TrainConfig, recipe: Recipe[ClassificationRecipe], data: DataReport
    ) -> Preprocessing:
        """The side is the config's, else the images', else, if they are too small, the paper's."""
        prep = super().preprocessing(config, recipe, data)
        if config.image or prep.image >= smallest_image(config.model):
            return prep
        return replace(prep, image=model_info(config.model).published.image)

    def objective(
        self,
        net: nn.Module,  # noqa: ARG002
        pack: ImagePack,  # noqa: ARG002
        recipe: Recipe[ClassificationRecipe],  # noqa: ARG002
    ) -> ReconstructionLoss:
        """Mean squared error."""
        return ReconstructionLoss()

    def sample_figures(self, net: nn.Module, outputs: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG002
        """The error of each image."""
        return ReconstructionLoss().losses(outputs, targets)[:, None]

    def metrics(self, figures: Tensor, outputs: int) -> ReconstructionMetrics:  # noqa: ARG002
        """Mean squared error and PSNR."""
        return ReconstructionMetrics(figures[:, 0].numpy().astype("float32"))

    def outputs(self, predictor: Predictor, model: TrainedModel, raw: Tensor) -> Tensor:
        """The error of each image, (n, 1)."""
        x = model.preprocessing.normalize(raw)
        return ReconstructionLoss().losses(predictor(raw).cpu(), x)[:, None]

    def columns(self, classes: Sequence[str], options: PredictOptions) -> tuple[Column, ...]:  # noqa: ARG002
        """File and error."""
        return Column("file"), Column("mean squared error", "number")

    def prediction(
        self,
        path: Path,
        outputs: Tensor,
        model: TrainedModel,  # noqa: ARG002
        options: PredictOptions,  # noqa: ARG002
    ) -> ValuePrediction:
        """The error: high for images unlike those of training."""
        return ValuePrediction(path, {"mean squared error": float(outputs[0])})

    def failed(self, path: Path, fault: str) -> ValuePrediction:
        """No error."""
        return ValuePrediction(path, {}, (fault,))
