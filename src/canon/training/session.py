"""The state of one training session."""

import time
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from canon.data.sampling import batch_slices
from canon.errors import NonFiniteError
from canon.training.checkpoint import TrainPosition, latest_state, save_state
from canon.training.diagonal_lm import DiagonalLM
from canon.training.interfaces import Batches, Evaluate, Objective
from canon.training.recipe import Limits, Recipe
from canon.training.schedules import Schedule


@dataclass
class Session:
    """What the steps of a run share, from its start or resumption to its end."""

    net: nn.Module
    model: nn.Module  # the network as the task and Accelerate wrap it
    task: Objective
    train: Batches
    monitor: Any
    measure: Evaluate | None
    recipe: Recipe
    limits: Limits
    accelerator: Accelerator
    plain: Optimizer
    optimizer: Optimizer  # as Accelerate wraps it
    schedule: Schedule
    average: AveragedModel | None
    states: Path | None
    seed: int
    progress: TrainPosition
    curved: DiagonalLM | None
    random: bool
    started: float = field(default_factory=time.perf_counter)
    saved_at: float = field(default_factory=time.perf_counter)
    recent: list[Tensor] = field(default_factory=list)

    @property
    def slices(self) -> list[slice]:
        """The batches of an epoch, as places in its order."""
        return batch_slices(len(self.train), self.recipe.batch)

    @property
    def measured(self) -> nn.Module:
        """The network to evaluate: the average, if there is one."""
        return self.net if self.average is None else self.average.module

    def out_of_time(self) -> bool:
        """Whether the minutes of this sitting are over."""
        minutes = self.limits.minutes
        return minutes is not None and time.perf_counter() - self.started > 60 * minutes

    def agreed(self, wish: bool) -> bool:
        """What the first process wishes: devices do not share a clock, but must act together."""
        if self.accelerator.num_processes == 1:
            return wish
        wishes = torch.tensor([int(wish)], device=self.accelerator.device)
        return bool(broadcast(wishes, from_process=0).item())

    def look_at_losses(self) -> None:
        """Add up the losses since the last look.

        Raises:
            NonFiniteError: one of them is not finite.
        """
        sums = torch.stack(self.recent)
        if self.accelerator.num_processes > 1:
            sums = self.accelerator.reduce(sums, "sum")
        first = self.progress.step - len(self.recent) + 1
        for step, loss in enumerate(sums.tolist(), first):
            if not isfinite(loss):
                raise self.diverged(f"the training loss is {loss} at step {step}")
            self.progress.loss_sum += loss
        self.recent.clear()

    def diverged(self, what: str) -> NonFiniteError:
        """The error for a loss or a weight that is not finite."""
        state = latest_state(self.states) if self.states else None
        kept = f" The state of step {int(state.name)} is kept." if state else ""
        return NonFiniteError(
            f"{what}, in epoch {self.progress.epoch + 1}; expected a finite number.{kept} "
            f"Train with a smaller --lr than {self.recipe.lr:g}."
        )

    def save(self) -> None:
        """Keep the state, if everything in it is finite and there is a folder for it."""
        if self.states is None:
            return
        if self.recent:
            self.look_at_losses()
        if not all(bool(p.isfinite().all()) for p in self.net.parameters()):
            raise self.diverged(f"a weight is not finite after step {self.progress.step}")
        save_state(self.accelerator, self.states, self.progress.step)
        self.saved_at = time.perf_counter()
