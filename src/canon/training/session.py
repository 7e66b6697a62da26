"""The state of one training session."""

import time
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from canon.data.sampling import batch_slices
from canon.errors import NonFiniteError
from canon.training.checkpoint import Checkpoints, TrainPosition, TrainState, state_step
from canon.training.interfaces import Batches, BeginsEpoch, Evaluate, Objective
from canon.training.recipe import Limits, Recipe
from canon.training.schedules import LearningRate


@dataclass
class Learner:
    """A network and what changes its weights.

    Args:
        net: the network.
        model: the module that is trained, as Accelerate wraps it.
        objective: its loss.
        plain: the optimizer.
        optimizer: the same, as Accelerate wraps it.
        schedule: of the learning rate.
        average: a moving average of the weights, if the recipe keeps one.
    """

    net: nn.Module
    model: nn.Module
    objective: Objective
    plain: Optimizer
    optimizer: Optimizer
    schedule: LearningRate
    average: AveragedModel | None

    @property
    def evaluated(self) -> nn.Module:
        """The network to evaluate and to keep: the average, if there is one."""
        return self.net if self.average is None else self.average.module

    @property
    def epoch_starters(self) -> list[BeginsEpoch]:
        """What prepares each epoch."""
        return [part for part in (self.objective, self.plain) if isinstance(part, BeginsEpoch)]


@dataclass
class Job:
    """What to train with: batches, recipe, limits, evaluation and checkpoints."""

    batches: Batches
    recipe: Recipe[Any]
    limits: Limits
    evaluate: Evaluate | None
    checkpoints: Checkpoints | None
    seed: int

    @property
    def slices(self) -> list[slice]:
        """The batches of an epoch, as places in its order."""
        return batch_slices(len(self.batches), self.recipe.batch)


@dataclass
class Session:
    """Training from its start, or from where it resumes, to its end."""

    learner: Learner
    job: Job
    accelerator: Accelerator
    position: TrainPosition
    random: bool  # whether a forward pass in train mode is random
    started: float = field(default_factory=time.perf_counter)
    saved_at: float = field(default_factory=time.perf_counter)
    recent: list[Tensor] = field(default_factory=list)
    first_step: int = 0

    def __post_init__(self) -> None:
        self.first_step = self.position.step

    def out_of_time(self) -> bool:
        """Whether the time limit is reached."""
        minutes = self.job.limits.minutes
        return minutes is not None and time.perf_counter() - self.started > 60 * minutes

    def remaining(self) -> float:
        """Estimated seconds to the end of the run, from those of this session."""
        done = self.position.step - self.first_step
        left = self.job.limits.epochs * len(self.job.slices) - self.position.step
        return left * (time.perf_counter() - self.started) / max(1, done)

    def agreed(self, wish: bool) -> bool:
        """The wish of the first process: devices share no clock, but must act together."""
        if self.accelerator.num_processes == 1:
            return wish
        wishes = torch.tensor([int(wish)], device=self.accelerator.device)
        return bool(broadcast(wishes, from_process=0).item())

    def collect_losses(self) -> None:
        """Add up the losses since the last call; this waits for the device.

        Raises:
            NonFiniteError: one of them is not finite.
        """
        sums = torch.stack(self.recent)
        if self.accelerator.num_processes > 1:
            sums = self.accelerator.reduce(sums, "sum")
        first = self.position.step - len(self.recent) + 1
        for step, loss in enumerate(sums.tolist(), first):
            if not isfinite(loss):
                raise self.diverged(f"the training loss is {loss} at step {step}")
            self.position.loss_sum += loss
        self.recent.clear()

    def diverged(self, what: str) -> NonFiniteError:
        """The error for a loss or a weight that is not finite."""
        state = self.job.checkpoints.latest() if self.job.checkpoints else None
        saved = f" The state of step {state_step(state)} is saved." if state else ""
        return NonFiniteError(
            f"{what}, in epoch {self.position.epoch + 1}; expected a finite number.{saved} "
            f"Train with a smaller --lr than {self.job.recipe.lr:g}."
        )

    def save(self) -> None:
        """Save the state, if everything in it is finite and there is a folder for it."""
        if self.job.checkpoints is None:
            return
        if self.recent:
            self.collect_losses()
        if not all(bool(p.isfinite().all()) for p in self.learner.net.parameters()):
            raise self.diverged(f"a weight is not finite after step {self.position.step}")
        state = TrainState(self.position, self.learner.schedule, self.learner.average)
        self.job.checkpoints.save(self.accelerator, state)
        self.saved_at = time.perf_counter()
