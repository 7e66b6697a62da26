"""The loop, optimisers, schedules, averaging and the state that resuming needs."""

from canon.fitting.evaluate import evaluate
from canon.fitting.events import Epoch, Event, Finished, Step
from canon.fitting.loop import fit
from canon.fitting.recipe import Limits, Recipe

__all__ = ["Epoch", "Event", "Finished", "Limits", "Recipe", "Step", "evaluate", "fit"]
