"""The generation task: a picture and its mask from class, view and transformation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data import DataReport, Dataset, Preprocessing, Split
from canon.data.sources.rendered import RENDERED
from canon.data.targets.attributes import Attributes
from canon.errors import InputError
from canon.inference.predictor import Predictor
from canon.layers.interfaces import Draws
from canon.models import build
from canon.recipes.images import ClassificationRecipe
from canon.runs.config import TrainConfig
from canon.runs.folder import TrainedModel
from canon.tasks.base import EvalOptions, Prediction, PredictOptions, Task
from canon.tasks.gather import image_evaluation
from canon.tasks.generation.loss import GenerationLoss
from canon.tasks.generation.metrics import GenerationMetrics
from canon.tasks.generation.pack import PictureBatches, PicturePack
from canon.training.interfaces import Batches, Evaluate
from canon.training.recipe import Recipe
from canon.utils.progress import Progress, Watch
from canon.utils.tables import Column


def side_of(model: str) -> int:
    """Pixels per side of what a generator draws."""
    with torch.device("meta"):
        net = build(model)
    assert isinstance(net, Draws)
    return net.side


class Generation(Task[PicturePack]):
    """A picture from its attributes."""

    name: ClassVar[str] = "generate"
    title: ClassVar[str] = "generation"
    target_kind: ClassVar[str | None] = "attributes"
    expected: ClassVar[str] = f"the built-in dataset {' or '.join(RENDERED)}"
    example: ClassVar[str] = "chairs-64"
    section: ClassVar[str | None] = "canon.tasks.generation.report"
    writes_files: ClassVar[bool] = False
    ensembles: ClassVar[bool] = False
    options: ClassVar[frozenset[str]] = frozenset()

    def default_data(self, model: str) -> str:
        """Pictures of the side that the network draws."""
        return next(name for name, side in RENDERED.items() if side == side_of(model))

    def sides(self, data: Dataset, prep: Preprocessing) -> dict[str, int]:  # noqa: ARG002
        """The length of the attributes."""
        assert isinstance(data.targets, Attributes)
        return {"channels": data.targets.length}

    def preprocessing(
        self,
        config: TrainConfig,
        recipe: Recipe[ClassificationRecipe],  # noqa: ARG002
        data: DataReport,
    ) -> Preprocessing:
        """The side of the pictures, which is that of the network.

        Raises:
            InputError: it is not.
        """
        assert config.model is not None
        side = side_of(config.model)
        if data.images.side != side:
            raise InputError(
                f"{config.model} draws pictures of {side} pixels, but those of the data are of "
                f"{data.images.size_in_words}; expected the same. Pass "
                f"{self.default_data(config.model)}."
            )
        return Preprocessing(side, 3)

    def pack(
        self,
        split: Split,
        prep: Preprocessing,  # noqa: ARG002
        progress: Progress | None = None,  # noqa: ARG002
    ) -> PicturePack:
        """Pictures, masks and attributes."""
        return PicturePack.of(split)

    def batches(
        self,
        pack: PicturePack,
        net: nn.Module,  # noqa: ARG002
        prep: Preprocessing,  # noqa: ARG002
        recipe: Recipe[ClassificationRecipe],  # noqa: ARG002
        device: torch.device,
    ) -> PictureBatches:
        """Attributes and pictures."""
        return PictureBatches(pack.to(device))

    def objective(
        self,
        net: nn.Module,  # noqa: ARG002
        pack: PicturePack,  # noqa: ARG002
        recipe: Recipe[ClassificationRecipe],  # noqa: ARG002
    ) -> GenerationLoss:
        """The squared error of colours and mask."""
        return GenerationLoss()

    def evaluation(
        self,
        samples: PicturePack | Split,
        prep: Preprocessing,  # noqa: ARG002
        outputs: int,  # noqa: ARG002
        accelerator: Accelerator,
        options: EvalOptions = EvalOptions(),  # noqa: B008
    ) -> Evaluate:
        """Errors and overlaps of the pictures."""
        pack = PicturePack.of(samples) if isinstance(samples, Split) else samples
        batches = PictureBatches(pack.to(accelerator.device))
        return image_evaluation(batches, 3, _figures, _metrics, accelerator, options.batch)

    def notes(
        self,
        data: DataReport,  # noqa: ARG002
        prep: Preprocessing,
        pack: PicturePack,
        batches: Batches,  # noqa: ARG002
        classes: Sequence[str],
        recipe: Recipe[ClassificationRecipe],  # noqa: ARG002
    ) -> Iterator[str]:
        """What is drawn."""
        yield (
            f"{len(classes)} classes, {pack.attributes.shape[1]} attributes, pictures of "
            f"{prep.image} x {prep.image} with masks"
        )

    def columns(self, classes: Sequence[str], options: PredictOptions) -> tuple[Column, ...]:  # noqa: ARG002
        """None: there is nothing to predict."""
        return (Column("file"),)

    def predict(
        self,
        model: TrainedModel,  # noqa: ARG002
        predictor: Predictor,  # noqa: ARG002
        paths: Sequence[Path],  # noqa: ARG002
        options: PredictOptions,  # noqa: ARG002
        watch: Watch,  # noqa: ARG002
    ) -> Iterator[Prediction]:
        """Refused: a generator has no images to look at.

        Raises:
            InputError: always.
        """
        raise InputError(
            "a generator draws pictures and predicts nothing of images; expected attributes. Run "
            "canon generate RUN --name CLASS."
        )


def _figures(net: nn.Module, output: Tensor, target: Tensor) -> Tensor:  # noqa: ARG001
    losses = GenerationLoss().losses(output, target)
    colors = (output - target)[:, :3].square().flatten(1).mean(1)
    drawn, true = output[:, 3] > 0.5, target[:, 3] > 0.5
    both, either = (drawn & true).flatten(1).sum(1), (drawn | true).flatten(1).sum(1)
    return torch.stack([losses, colors, both / either.clamp_min(1)], 1)


def _metrics(figures: Tensor) -> Any:
    return GenerationMetrics(*figures.cpu().numpy().astype("float32").T)
