"""What the training loop knows of a task: batches, an objective, and how to evaluate."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from canon.data.augment.draws import Part
from canon.utils.progress import Step
from canon.utils.tables import Column, Figure, Table


class Batches(Protocol):
    """Training samples, in batches that follow from a seed."""

    def __len__(self) -> int: ...

    @property
    def random(self) -> bool:
        """Whether a batch depends on its seed."""

    def training(self, index: Tensor, seed: int, part: Part | None = None, /) -> tuple[Any, Any]:
        """The samples at these positions: the network's input and the target.

        Args:
            index: positions of the samples.
            seed: of their batch.
            part: of the batch that they are, if they are not all of it.
        """


class Objective(Protocol):
    """What training minimises."""

    def module(self, net: nn.Module) -> nn.Module:
        """The module to train: the network, or the network with its auxiliary heads."""

    def losses(self, output: Any, target: Any, /) -> Tensor:
        """(N,) nats: one loss per sample, of the module's output."""


@runtime_checkable
class BeginsEpoch(Protocol):
    """An objective or an optimizer that prepares each epoch: pseudo-labels, or the curvature."""

    def begin_epoch(self, net: nn.Module, batches: Batches, order: Tensor) -> None:
        """Prepare an epoch.

        Args:
            net: the network.
            batches: the training samples.
            order: (N,) positions of the samples in the order of this epoch.
        """


class Metrics(Protocol):
    """The metrics of an evaluation, of any task.

    A class that inherits this one defines `loss`, `error`, `ranking` and `figures`; the others
    follow.
    """

    @property
    def loss(self) -> float:
        """Mean loss, nats."""

    @property
    def error(self) -> float:
        """A fraction in [0, 1]; a plateau schedule watches it."""

    @property
    def ranking(self) -> tuple[float, ...]:
        """Greater for a better network; patience watches it."""

    @abstractmethod
    def figures(self) -> tuple[Figure, ...]:
        """All figures, the headline first."""

    @property
    def monitored(self) -> Figure:
        """The figure of an epoch line and of the training curves."""
        return self.figures()[0]

    def per_class(self, classes: Sequence[str]) -> Table:  # noqa: ARG002
        """A row of figures for each class."""
        return Table((Column("class"),), ())

    def summary(self) -> dict[str, Any]:
        """The figures as plain JSON, for metrics.jsonl and run.json."""
        return {"loss": self.loss} | {figure.name: figure.value for figure in self.figures()}

    def details(self, classes: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002
        """What `canon evaluate --json` prints: the summary, the classes, the confusion matrix."""
        return self.summary()


# Of a network and an epoch: yields a step for each batch, returns the metrics.
Evaluate = Callable[[nn.Module, int], Generator[Step, None, Metrics]]
