"""The events that training yields."""

from dataclasses import dataclass
from typing import Literal

from canon.training.interfaces import Metrics
from canon.utils.progress import Step


@dataclass(frozen=True)
class Epoch:
    """A pass over the training images ended, or the time did in its middle; it was evaluated.

    Args:
        epoch: from 1.
        epochs: of the whole run.
        step: optimiser steps so far.
        loss: mean training loss, nats.
        lr: learning rate at its end.
        scores: on the monitored split, if there is one.
        seconds: of training, evaluation not counted.
        images_per_second: of training.
        best: whether the monitored figure is the best so far.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    lr: float
    scores: Metrics | None
    seconds: float
    images_per_second: float
    best: bool


@dataclass(frozen=True)
class Stopped:
    """The run ended: all epochs done, its time used up, or no progress for `patience` epochs."""

    reason: Literal["epochs", "time", "patience"]
    epoch: int


Event = Step | Epoch | Stopped
