"""What a task is: from the loss to the report, for one kind of target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import torch
from accelerate import Accelerator
from torch import nn

from canon.data import DataReport, Dataset, Preprocessing, Split
from canon.data.packs.base import Pack
from canon.data.targets.base import Values
from canon.errors import DataError, InputError
from canon.inference.predictor import Predictor
from canon.recipes.images import EvalProtocol
from canon.runs.config import TrainConfig
from canon.runs.folder import TrainedModel
from canon.training.interfaces import Batches, Evaluate, Objective
from canon.training.recipe import Recipe
from canon.utils.progress import Progress, Watch
from canon.utils.tables import Column

P = TypeVar("P", bound=Pack)


@dataclass(frozen=True)
class EvalOptions:
    """How to evaluate.

    Args:
        protocol: of crops: `1-crop`, or a paper's `square`, `10-crop`, `multi-crop` or `dense`.
        image: shorter side of the images of `square` and `dense`, pixels; None means the recipe's.
        batch: images at a time on each device.
        rand_error: compute the Rand and pixel errors of the ISBI 2012 challenge.
        progress: wraps the files while they are read.
        recipe: of the run, if it has one.
    """

    protocol: EvalProtocol = "1-crop"
    batch: int = 256
    rand_error: bool = False
    progress: Progress | None = None
    recipe: Recipe[Any] | None = None
    image: int | None = None


@dataclass(frozen=True)
class PredictOptions:
    """How to predict.

    Args:
        out: the folder that masks are written to.
        top: classes to name for each image.
        batch: images or tiles at a time; None takes what suits the task.
        format: of masks: `png`, `tif` or `zarr`; None takes PNG for pictures, else the image's own.
        tile: side of an output tile in pixels; None takes what suits the network.
        overlay: write each image with its mask drawn over it.
        probabilities: write the probabilities of all classes.
        resume: leave images alone whose masks are finished.
        skip_bad: report unreadable images and continue.
        done: files that have been predicted already.
    """

    out: Path | None = None
    top: int = 1
    batch: int | None = None
    format: Literal["png", "tif", "zarr"] | None = None
    tile: int | None = None
    overlay: bool = False
    probabilities: bool = False
    resume: bool = False
    skip_bad: bool = False
    done: frozenset[str] = frozenset()


class Prediction(Protocol):
    """The prediction for one image."""

    @property
    def path(self) -> Path:
        """The image."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What could not be read and was left out."""

    def row(self) -> tuple[Any, ...]:
        """Its cells under the task's columns."""

    def record(self) -> dict[str, Any]:
        """As plain JSON."""


@dataclass(frozen=True)
class ValuePrediction:
    """Named values for one image.

    Args:
        path: the image.
        values: by name.
        faults: why it could not be read, if it was skipped.
    """

    path: Path
    values: dict[str, Any]
    faults: tuple[str, ...] = ()

    def row(self) -> tuple[Any, ...]:
        """Path and values; a fault in place of the first value."""
        return str(self.path), *(self.faults[:1] or self.values.values())

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"file": str(self.path)} | (
            {"fault": self.faults[0]} if self.faults else self.values
        )


class Task(Protocol[P]):
    """One kind of target. Stateless: one instance in `canon.tasks.lookup.TASKS`."""

    name: ClassVar[str]  # as in @register(task=...) and in run.json
    title: ClassVar[str]  # of its networks, in messages: "classification"
    target_kind: ClassVar[str | None]  # what a dataset must hold; None takes any values, or none
    expected: ClassVar[str]  # the same, in messages
    example: ClassVar[str]  # a network of this task
    section: ClassVar[str | None]  # module of its section of the report, imported when it is needed
    writes_files: ClassVar[bool]  # whether predictions are files in a folder
    ensembles: ClassVar[bool]  # whether the probabilities of several runs can be averaged
    options: ClassVar[
        frozenset[str]
    ]  # fields of configs and options that only it reads: NAME or CLASS.NAME

    def default_data(self, model: str) -> str:  # noqa: ARG002
        """What a network is trained on if nothing is named."""
        return "digits"

    def sides(self, data: Dataset, prep: Preprocessing) -> dict[str, int]:
        """What the network is built for: its outputs, its channels and its side."""
        outputs = {"classes": data.targets.outputs} if data.targets.outputs else {}
        return outputs | {"channels": prep.channels, "image": prep.image}

    def preprocessing(
        self, config: TrainConfig, recipe: Recipe[Any], data: DataReport
    ) -> Preprocessing:
        """Side, border, crop and channels of the network's input, without normalisation."""

    def pack(self, split: Split, prep: Preprocessing, progress: Progress | None = None) -> P:
        """A split in memory, or memory-mapped."""

    def batches(
        self,
        pack: P,
        net: nn.Module,
        prep: Preprocessing,
        recipe: Recipe[Any],
        device: torch.device,
    ) -> Batches:
        """Training batches."""

    def objective(self, net: nn.Module, pack: P, recipe: Recipe[Any]) -> Objective:
        """What training minimises, given the training pack."""

    def evaluation(
        self,
        samples: P | Split,
        prep: Preprocessing,
        outputs: int,
        accelerator: Accelerator,
        options: EvalOptions = EvalOptions(),
    ) -> Evaluate:
        """How to evaluate a network with so many outputs on these samples."""

    def notes(
        self,
        data: DataReport,
        prep: Preprocessing,
        pack: P,
        batches: Batches,
        classes: Sequence[str],
        recipe: Recipe[Any],
    ) -> Iterator[str]:
        """What a user should know before training starts."""

    def columns(self, classes: Sequence[str], options: PredictOptions) -> tuple[Column, ...]:
        """The columns of a table of predictions."""

    def predict(
        self,
        model: TrainedModel,
        predictor: Predictor,
        paths: Sequence[Path],
        options: PredictOptions,
        watch: Watch,
    ) -> Iterator[Prediction]:
        """Predict files, and all images in folders."""


def needs_labels(task: Task[Any]) -> bool:
    """Whether a task cannot be trained on images alone."""
    return task.target_kind is not None


def require_targets(task: Task[Any], model: str, data: Dataset) -> None:
    """Refuse a dataset whose targets are of another kind.

    Raises:
        DataError: masks for a classifier, or class folders for a segmentation network.
    """
    kind = data.targets.kind
    if not needs_labels(task) and isinstance(data.targets, Values):
        return
    if kind != task.target_kind:
        held = {"label": "class labels", "mask": "masks", "none": "no labels"}.get(kind, kind)
        raise DataError(
            f"{model} is a {task.title} network, but {data.source} contains {held}; expected "
            f"{task.expected}. Use such data, or another network."
        )


def require_options(
    task: Task[Any], model: str, config: object, others: Sequence[Task[Any]]
) -> None:
    """Refuse an option that only another task reads.

    Args:
        task: of the network.
        model: its name.
        config: a dataclass of options.
        others: all tasks.

    Raises:
        InputError: an option of another task differs from its default.
    """
    for field in fields(config):  # type: ignore[arg-type]
        names = {field.name, f"{type(config).__name__}.{field.name}"}
        owners = [other for other in others if names & other.options]
        foreign = owners and task.name not in [owner.name for owner in owners]
        if foreign and getattr(config, field.name) != field.default:
            raise InputError(
                f"--{field.name.replace('_', '-')} applies to {owners[0].title} networks only, "
                f"such as {owners[0].example}; {model} is a {task.title} network. Remove the flag."
            )
