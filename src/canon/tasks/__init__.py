"""What a batch means: the loss it is trained by and what is measured of it."""

from typing import Any, Protocol

from torch import Tensor, nn

from canon.tasks.classify import Classify
from canon.tasks.confusion import DenseScores
from canon.tasks.metrics import Scores, wilson
from canon.tasks.segment import Segment

__all__ = ["Classify", "DenseScores", "Measured", "Scores", "Segment", "Task", "wilson"]


class Task(Protocol):
    """What the training loop asks of a task."""

    def trained(self, net: nn.Module) -> nn.Module:
        """The module to train."""

    def training_losses(self, said: Any, target: Any, /) -> Tensor:
        """(N,) nats: one loss a sample, of what the module said of them."""


class Measured(Protocol):
    """The figures of an evaluation, whatever the task."""

    @property
    def loss(self) -> float:
        """Nats."""

    @property
    def error(self) -> float:
        """What training tries to lower, a fraction in [0, 1]."""

    @property
    def merit(self) -> tuple[float, float]:
        """What is greater for a better network."""

    def summary(self) -> dict[str, Any]:
        """The figures for a line of a log."""
