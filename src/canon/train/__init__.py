"""The loop, optimisers, schedules, averaging and the state that resuming needs."""

from canon.train.evaluate import evaluate
from canon.train.events import Epoch, Event, Finished, Step
from canon.train.loop import fit
from canon.train.recipe import Limits, Recipe

__all__ = ["Epoch", "Event", "Finished", "Limits", "Recipe", "Step", "evaluate", "fit"]
