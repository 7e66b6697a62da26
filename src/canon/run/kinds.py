"""What a training run does differently where images have a class and where pixels have one."""

from collections.abc import Iterator
from typing import Any, Protocol

from accelerate import Accelerator
from torch import nn

from canon.data import Part, Preprocessing, Report
from canon.data.check import Progress
from canon.data.masks import MaskValues
from canon.fitting import Recipe
from canon.fitting.sitting import Measure, Samples
from canon.models import entry
from canon.run import classes, masks
from canon.run.config import Training
from canon.run.folder import Run
from canon.tasks import Measured, Task


class Kind(Protocol):
    """One kind of data, as a module of functions."""

    def geometry(self, asked: Training, recipe: Recipe, report: Report) -> Preprocessing:
        """Side, border, crop and channels of the network's input."""

    def samples(self, pack: Any, how: Preprocessing, asked: Training) -> int:
        """How many samples an epoch has of a pack."""

    def pack(
        self, part: Part, how: Preprocessing, values: MaskValues | None, progress: Progress | None
    ) -> Any:
        """The images of a split, and what is to be said of them."""

    def ready(
        self, run: Run, net: nn.Module, recipe: Recipe, packs: dict[str, Any], on: Accelerator
    ) -> tuple[Task, Samples, dict[str, Any], Measure]:
        """What the loop is given."""

    def notes(
        self, run: Run, report: Report, how: Preprocessing, packs: dict[str, Any]
    ) -> Iterator[str]:
        """What the user should know of the images."""

    def write_report(
        self, run: Run, scores: Measured, split: str, pack: Any, net: nn.Module
    ) -> None:
        """The page of a finished run."""


KINDS: dict[str, Any] = {"classify": classes, "segment": masks}


def kind_of(model: str) -> Kind:
    """The kind of data that a network is trained on."""
    return KINDS["classify" if model == "ensemble" else entry(model).task]
