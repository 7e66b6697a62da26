"""The events that training yields."""

from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from canon.training.interfaces import Metrics
from canon.utils.progress import Step


@dataclass(frozen=True)
class Epoch:
    """An epoch ended, or the time limit ended it early, and the network was evaluated.

    Args:
        epoch: from 1.
        epochs: of the whole run.
        step: optimizer steps so far.
        loss: mean training loss, nats.
        lr: learning rate at its end.
        metrics: on the monitored split, if there is one.
        seconds: of training, without evaluation.
        images_per_second: of training.
        best: whether the monitored metrics are the best so far.
        network: to keep: the averaged one if the recipe averages weights.
        remaining: estimated seconds to the end of the run, evaluation included.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    lr: float
    metrics: Metrics | None
    seconds: float
    images_per_second: float
    best: bool
    network: nn.Module = field(repr=False)
    remaining: float = 0.0


@dataclass(frozen=True)
class Stopped:
    """Training ended: after all epochs, at the time limit, or for lack of progress.

    Args:
        reason: why.
        epoch: the last one.
        best_epoch: with the best monitored metrics so far; 0 if there is none.
        step: optimizer steps that were done.
        steps: of the whole run.
    """

    reason: Literal["epochs", "time", "patience"]
    epoch: int
    best_epoch: int = field(default=0, compare=False)
    step: int = field(default=0, compare=False)
    steps: int = field(default=0, compare=False)


Event = Step | Epoch | Stopped
