"""The training loop, optimizers, schedules, averaging and checkpoints; knows no task."""

from canon.training.events import Epoch, Event, Stopped
from canon.training.loop import fit
from canon.training.recipe import Limits, Recipe

__all__ = ["Epoch", "Event", "Limits", "Recipe", "Stopped", "fit"]
