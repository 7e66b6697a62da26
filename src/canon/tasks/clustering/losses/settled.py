"""When a clustering has settled: the stop criterion of DEC."""

from collections.abc import Generator
from dataclasses import dataclass
from math import isnan

from torch import nn

from canon.tasks.clustering.losses.objectives import Hardening
from canon.training.interfaces import Metrics
from canon.utils.progress import Step
from canon.utils.tables import Figure

TOLERANCE = 0.001  # share of the labels


@dataclass(frozen=True)
class Changes(Metrics):
    """How many labels changed at the beginning of an epoch.

    Args:
        changed: share of them.
        epoch: from 1.
    """

    changed: float
    epoch: int

    @property
    def loss(self) -> float:
        """The share."""
        return self.changed

    @property
    def error(self) -> float:
        """The share."""
        return self.changed

    @property
    def ranking(self) -> tuple[float, ...]:
        """Greater from epoch to epoch, until hardly a label changes: then patience ends."""
        return (float(self.epoch if self.changed >= TOLERANCE else -1),)

    def figures(self) -> tuple[Figure, ...]:
        """The share."""
        return (Figure("labels that changed", self.changed),)


class Settled:
    """Evaluates an epoch of a clustering by the labels that changed at its beginning.

    Training ends when they are fewer than 0.1 % (Xie, Girshick, Farhadi, ICML 2016, section 4.3).
    """

    def __init__(self, objective: Hardening) -> None:
        self.objective = objective

    def __call__(self, net: nn.Module, epoch: int) -> Generator[Step, None, Changes]:  # noqa: ARG002
        """The labels that changed."""
        yield from ()
        changed = float(self.objective.trained.changed)
        return Changes(1.0 if isnan(changed) else changed, epoch)  # the first labels are all new
