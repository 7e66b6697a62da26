"""Learning rate schedules."""

from math import cos, floor, pi

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from canon.training.recipe import Recipe


class Schedule:
    """The learning rate of a run: a factor each step, or a drop when validation stalls.

    Args:
        recipe: names the schedule.
        over: the optimiser.
        steps: of the whole run.
        epochs: of the whole run.
    """

    def __init__(self, recipe: Recipe, over: Optimizer, steps: int, epochs: int) -> None:
        warmup = round(min(recipe.warmup / epochs, 0.2) * steps)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            if recipe.schedule == "step":
                begun = [f for fraction, f in recipe.steps if step >= round(fraction * steps)]
                return begun[-1] if begun else 1.0
            if recipe.schedule == "exponential":
                passed = step * epochs / steps + 1e-9  # epochs, safe from rounding at their ends
                return recipe.factor ** floor(passed / recipe.every)
            if recipe.schedule == "cosine":
                return 0.5 * (1 + cos(pi * (step - warmup) / max(1, steps - warmup)))
            return 1.0

        self.each_step = LambdaLR(over, factor) if recipe.schedule != "plateau" else None
        self.each_epoch = (
            ReduceLROnPlateau(over, mode="min", factor=0.1, patience=5)
            if recipe.schedule == "plateau"
            else None
        )

    def step(self) -> None:
        """After each step of the optimiser."""
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
