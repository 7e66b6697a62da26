"""The classification task: packs of squares, crops, cross-entropy, top-1."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from accelerate import Accelerator
from torch import Tensor, nn

from canon.data import ImagePack, Preprocessing, Split
from canon.recipes.images import ClassificationRecipe
from canon.runs.folder import TrainedModel
from canon.tasks.base import EvalOptions, PredictOptions
from canon.tasks.classification import crop_protocols
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.metrics import ClassificationMetrics
from canon.tasks.classification.predict import LabelPrediction, columns, label_prediction
from canon.tasks.images import ImageTask
from canon.training.interfaces import Evaluate
from canon.training.recipe import Recipe
from canon.utils.tables import Column


class Classification(ImageTask):
    """One label per image."""

    name: ClassVar[str] = "classify"
    title: ClassVar[str] = "classification"
    target_kind: ClassVar[str | None] = "label"
    expected: ClassVar[str] = "one folder of images for each class"
    example: ClassVar[str] = "resnet18"
    section: ClassVar[str | None] = "canon.tasks.classification.report"
    options: ClassVar[frozenset[str]] = frozenset({"top", "protocol"})
    ensembles: ClassVar[bool] = True
    width: ClassVar[int] = 5

    def objective(
        self,
        net: nn.Module,
        pack: ImagePack,  # noqa: ARG002
        recipe: Recipe[ClassificationRecipe],
    ) -> ClassificationLoss:
        """Cross-entropy, or the network's own loss."""
        return ClassificationLoss.of(net, recipe.images.smoothing)

    def sample_figures(self, net: nn.Module, outputs: Tensor, targets: Tensor) -> Tensor:
        """Label, predicted class, rank, loss, confidence."""
        return ClassificationLoss.of(net).sample_figures(outputs, targets)

    def metrics(self, figures: Tensor, outputs: int) -> ClassificationMetrics:
        """Top-1, top-5, confusion matrix."""
        return ClassificationMetrics.of(figures, outputs)

    def evaluation(
        self,
        samples: ImagePack | Split,
        prep: Preprocessing,
        outputs: int,
        accelerator: Accelerator,
        options: EvalOptions = EvalOptions(),  # noqa: B008
    ) -> Evaluate:
        """Centre crops, or a paper's protocol of many crops."""
        if options.protocol == "1-crop":
            return super().evaluation(samples, prep, outputs, accelerator, options)
        assert isinstance(samples, Split)
        images = options.recipe.images if options.recipe else ClassificationRecipe()
        scales = (options.image / prep.image,) if options.image else images.scales
        return crop_protocols.evaluation(
            samples, prep, outputs, accelerator, options.protocol, scales, options.batch
        )

    def columns(self, classes: Sequence[str], options: PredictOptions) -> tuple[Column, ...]:
        """File, then class and probability of each place."""
        return columns(min(options.top, len(classes)))

    def prediction(
        self, path: Path, outputs: Tensor, model: TrainedModel, options: PredictOptions
    ) -> LabelPrediction:
        """The likeliest classes."""
        return label_prediction(path, outputs, model.classes, options.top)

    def failed(self, path: Path, fault: str) -> LabelPrediction:
        """No class."""
        return LabelPrediction(path, faults=(fault,))
