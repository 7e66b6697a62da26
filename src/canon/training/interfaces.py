"""What the training loop knows of a task."""

from collections.abc import Callable, Generator
from typing import Any, Protocol

from torch import Tensor, nn

from canon.utils.progress import Step


class Objective(Protocol):
    """What the training loop asks of a task."""

    def trained(self, net: nn.Module) -> nn.Module:
        """The module to train."""

    def training_losses(self, said: Any, target: Any, /) -> Tensor:
        """(N,) nats: one loss a sample, of what the module said of them."""


class Metrics(Protocol):
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


class Batches(Protocol):
    """Training samples, in batches that follow from a seed."""

    def __len__(self) -> int: ...

    @property
    def random(self) -> bool:
        """Whether a batch depends on its seed."""

    def training(self, index: Tensor, seed: int, /) -> tuple[Tensor, Any]:
        """The samples at these positions: images, and what the network is to say of them."""


# Of a network, its task, samples, devices: the figures, a step at a time.
Evaluate = Callable[..., Generator[Step, None, Metrics]]
