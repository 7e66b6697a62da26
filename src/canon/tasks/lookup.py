"""The task of each network."""

from collections.abc import Iterator
from typing import Any, Protocol

from accelerate import Accelerator
from torch import nn

from canon.data import DataReport, Preprocessing, Split
from canon.data.targets.mask_codes import MaskCodes
from canon.models import model_info
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.tasks.classification import task as classification
from canon.tasks.segmentation import task as segmentation
from canon.training.interfaces import Batches, Evaluate, Metrics, Objective
from canon.training.recipe import Recipe
from canon.utils.progress import Progress


class Task(Protocol):
    """One kind of data, as a module of functions."""

    def geometry(self, asked: TrainConfig, recipe: Recipe, report: DataReport) -> Preprocessing:
        """Side, border, crop and channels of the network's input."""

    def samples(self, pack: Any, how: Preprocessing, asked: TrainConfig) -> int:
        """How many samples an epoch has of a pack."""

    def pack(
        self, part: Split, how: Preprocessing, values: MaskCodes | None, progress: Progress | None
    ) -> Any:
        """The images of a split, and what is to be said of them."""

    def ready(
        self, run: Run, net: nn.Module, recipe: Recipe, packs: dict[str, Any], on: Accelerator
    ) -> tuple[Objective, Batches, dict[str, Any], Evaluate]:
        """What the loop is given."""

    def notes(
        self, run: Run, report: DataReport, how: Preprocessing, packs: dict[str, Any]
    ) -> Iterator[str]:
        """What the user should know of the images."""

    def write_report(
        self, run: Run, scores: Metrics, split: str, pack: Any, net: nn.Module
    ) -> None:
        """The page of a finished run."""


TASKS: dict[str, Any] = {"classify": classification, "segment": segmentation}


def task_of(model: str) -> Task:
    """The kind of data that a network is trained on."""
    return TASKS["classify" if model == "ensemble" else model_info(model).task]
