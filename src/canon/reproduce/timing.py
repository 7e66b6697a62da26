"""Times of several computations, interleaved."""

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch

from canon.utils.tables import counted


def medians(
    computations: Mapping[str, Callable[[], object]], rounds: int, watch: Callable[[int], None]
) -> dict[str, float]:
    """The median seconds of each, by name; every round runs each of them once.

    Args:
        computations: by name.
        rounds: after one that is not counted.
        watch: called after each round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in computations}
    with torch.inference_mode():
        for done in range(rounds + 1):
            for name, compute in computations.items():
                started = time.perf_counter()
                compute()
                seconds[name].append(time.perf_counter() - started)
            watch(done)
    return {name: median(several[1:]) for name, several in seconds.items()}


def threads() -> str:
    """The processor threads that torch uses, in words."""
    return counted(torch.get_num_threads(), "CPU thread")
