"""How long work tells its caller about progress."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar


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


Progress = Callable[[Iterable[Path], int], Iterable[Path]]

Watch = Callable[[Step], None]

Result = TypeVar("Result")


def run_steps(
    going: Generator[Step, None, Result], watch: Callable[[Step], None] | None = None
) -> Result:
    """What a generator returns; who watches is told of each step."""
    while True:
        try:
            step = next(going)
        except StopIteration as end:
            return end.value
        if watch is not None:
            watch(step)
