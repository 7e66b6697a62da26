"""Progress reports of long computations."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar


@dataclass(frozen=True)
class Step:
    """A step: a batch trained on or evaluated, or a row of tiles predicted.

    Args:
        doing: kind of the step.
        epoch: counted from 1.
        done: finished batches of the epoch.
        batches: all batches of the epoch.
    """

    doing: Literal["train", "evaluate", "predict"]
    epoch: int
    done: int
    batches: int


Progress = Callable[[Iterable[Path], int], Iterable[Path]]  # wraps files, given their number
Watch = Callable[[Step], None]

Event = TypeVar("Event")
Result = TypeVar("Result")


def run_steps(
    steps: Generator[Event, None, Result], watch: Callable[[Event], None] | None = None
) -> Result:
    """Run a generator to its end, reporting each step; return its value."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if watch is not None:
            watch(step)
