"""Learning rate schedules."""

from dataclasses import dataclass, field
from math import cos, floor, pi

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau


@dataclass(frozen=True)
class Constant:
    """The initial rate throughout."""

    kind: str = field(default="constant", init=False)

    def __str__(self) -> str:
        return "constant"

    def factor(self, step: int, steps: int, epochs: int) -> float:  # noqa: ARG002
        """What the initial rate is multiplied by at a step of a run."""
        return 1.0


@dataclass(frozen=True)
class Steps:
    """A piecewise constant rate.

    Args:
        factors: pairs: from this fraction of the run on, the initial rate times this factor.
    """

    kind: str = field(default="step", init=False)
    factors: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        steps = (f"x {factor:g} from {start:.0%}" for start, factor in self.factors)
        return f"in steps ({', '.join(steps)} of the run)"

    def factor(self, step: int, steps: int, epochs: int) -> float:  # noqa: ARG002
        """What the initial rate is multiplied by at a step of a run."""
        begun = [f for fraction, f in self.factors if step >= round(fraction * steps)]
        return begun[-1] if begun else 1.0


@dataclass(frozen=True)
class Exponential:
    """The rate times a factor, every so many epochs.

    Args:
        rate: the factor.
        every: epochs between two reductions.
    """

    kind: str = field(default="exponential", init=False)
    rate: float
    every: float

    def __str__(self) -> str:
        return f"exponential (x {self.rate:g} every {self.every:.3g} epochs)"

    def factor(self, step: int, steps: int, epochs: int) -> float:
        """What the initial rate is multiplied by at a step of a run."""
        passed = step * epochs / steps + 1e-9  # epochs, safe from rounding at their ends
        return self.rate ** floor(passed / self.every)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine, from the initial rate to zero.

    Args:
        warmup: epochs of linear increase before it, at most a fifth of the run.
    """

    kind: str = field(default="cosine", init=False)
    warmup: float = 0.0

    def __str__(self) -> str:
        if not self.warmup:
            return "cosine"
        return f"cosine with {self.warmup:g} epoch{'s' * (self.warmup != 1)} of warm-up"

    def factor(self, step: int, steps: int, epochs: int) -> float:
        """What the initial rate is multiplied by at a step of a run."""
        warmup = round(min(self.warmup / epochs, 0.2) * steps)
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + cos(pi * (step - warmup) / max(1, steps - warmup)))


@dataclass(frozen=True)
class Plateau:
    """The rate times a factor when the monitored error has stopped falling.

    Args:
        rate: the factor.
        patience: epochs without improvement before it.
    """

    kind: str = field(default="plateau", init=False)
    rate: float = 0.1
    patience: int = 5

    def __str__(self) -> str:
        return f"x {self.rate:g} on a plateau"


Schedule = Constant | Steps | Exponential | Cosine | Plateau


class LearningRate:
    """The learning rate of a run: a factor for each step, or a reduction on a plateau.

    Args:
        schedule: the recipe's.
        over: the optimizer.
        steps: of the whole run.
        epochs: of the whole run.
    """

    def __init__(self, schedule: Schedule, over: Optimizer, steps: int, epochs: int) -> None:
        self.each_step: LambdaLR | None = None
        self.each_epoch: ReduceLROnPlateau | None = None
        if isinstance(schedule, Plateau):
            self.each_epoch = ReduceLROnPlateau(
                over, mode="min", factor=schedule.rate, patience=schedule.patience
            )
        else:
            self.each_step = LambdaLR(over, lambda step: schedule.factor(step, steps, epochs))

    def step(self) -> None:
        """After each step of the optimizer."""
        if self.each_step is not None:
            self.each_step.step()

    def epoch(self, error: float) -> None:
        """After each epoch, with the monitored error."""
        if self.each_epoch is not None:
            self.each_epoch.step(error)

    def state_dict(self) -> dict[str, object]:
        """What resuming needs."""
        return (self.each_step or self.each_epoch).state_dict()  # type: ignore[union-attr]

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore a saved state."""
        (self.each_step or self.each_epoch).load_state_dict(state)  # type: ignore[union-attr]
