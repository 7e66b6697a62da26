"""What happens in a run, as it happens; the caller decides what to do with it."""

from dataclasses import dataclass
from typing import Literal

from canon.tasks import Measured


@dataclass(frozen=True)
class Step:
    """A batch was trained on or evaluated, or a row of tiles was predicted.

    Args:
        doing: which of the three.
        epoch: from 1.
        done: batches of this epoch so far.
        batches: of this epoch.
    """

    doing: Literal["train", "evaluate", "predict"]
    epoch: int
    done: int
    batches: int


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
    scores: Measured | None
    seconds: float
    images_per_second: float
    best: bool


@dataclass(frozen=True)
class Finished:
    """The run ended: all epochs done, its time used up, or no progress for `patience` epochs."""

    reason: Literal["epochs", "time", "patience"]
    epoch: int


Event = Step | Epoch | Finished
