"""Measure engines against each other until their order is certain.

Each engine has a process of its own. They are timed in turns, a fraction of a second each, and
those whose turn it is not are stopped: a machine that slows down for a while slows all of them, and
the ratio of neighbouring turns is what counts.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from canon.deploy.worker import EngineError, Spec, Worker

TURN = 0.25  # seconds of one turn, at least
ROUNDS = 5  # before an engine that is close to the fastest may be dropped
CLOSE = 0.01  # engines whose ratio is known to be smaller are equally fast
HOPELESS = {1: 1.6, 2: 1.25, 3: 1.12}  # ratios after so many rounds that end an engine's race


@dataclass
class Entrant:
    """An engine in the race.

    Args:
        kind: of the engine.
        name: of the engine with its settings.
        spec: of its worker.
        batch: samples in a run.
        input: an array of so many samples, a .npy file.
        turns: for each turn, the median of the seconds of a sample.
        runs: seconds of a sample, of every run.
        fault: why it was left out.
        memory: the most bytes that its process has taken.
        out: the round in which it was dropped.
    """

    kind: str
    name: str
    spec: Spec
    batch: int
    input: Path
    turns: list[float] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)
    fault: str | None = None
    memory: int = 0
    out: int | None = None

    @property
    def median(self) -> float:
        """Seconds of a sample."""
        return float(np.median(self.runs)) if self.runs else float("inf")

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles of the seconds of a sample."""
        low, high = np.quantile(self.runs, (0.25, 0.75)) if self.runs else (np.inf, np.inf)
        return float(low), float(high)


def ratio_interval(entrant: Entrant, best: Entrant) -> tuple[float, float]:
    """How much slower an entrant is than another, from the turns that both had: an interval.

    The median of the ratios of turns, with twice its standard error from the median deviation.
    """
    count = min(len(entrant.turns), len(best.turns))
    ratios = np.array(entrant.turns[:count]) / np.array(best.turns[:count])
    middle = float(np.median(ratios))
    error = 1.4826 * float(np.median(np.abs(ratios - middle))) * 1.2533 / max(1, count) ** 0.5
    return middle - 2 * error, middle + 2 * error


def race(
    entrants: list[Entrant],
    opened: Callable[[Entrant], Worker],
    *,
    end: float,
    rounds: int | None = None,
    watch: Callable[[str], None] = lambda _: None,
) -> None:
    """Time the entrants in turns until one is the fastest, or the time is over.

    An entrant that cannot be opened or crashes is left out, with the reason in `fault`.

    Args:
        entrants: they are changed; those with a fault are left out.
        opened: a worker with the engine of an entrant, checked; it raises EngineError if the engine
            does not run the network.
        end: the time at which to stop, by `time.monotonic`; the first entrant is always measured.
        rounds: measure all entrants for so many rounds instead.
        watch: called with what is being done.
    """
    workers: dict[int, Worker] = {}
    try:
        _open_all(entrants, workers, opened, end)
        if rounds is None:
            _rounds(entrants, workers, end, watch)
        for number in range(rounds or 0):
            for place, worker in _in_race(entrants, workers, number):
                _turn(entrants[place], worker)
        for place, worker in workers.items():
            entrants[place].memory = _memory(worker)
    finally:
        for worker in workers.values():
            worker.close()


def _open_all(
    entrants: list[Entrant],
    workers: dict[int, Worker],
    opened: Callable[[Entrant], Worker],
    end: float,
) -> None:
    """Open the engines one after another, and stop each of them until its turn."""
    for place, entrant in enumerate(entrants):
        if entrant.fault is not None:
            continue
        if place and time.monotonic() > end:
            entrant.fault = "not measured: the budget was spent"
            continue
        try:
            worker = workers[place] = opened(entrant)
            worker.pause()
        except EngineError as reason:
            entrant.fault = str(reason)


def _rounds(
    entrants: list[Entrant], workers: dict[int, Worker], end: float, watch: Callable[[str], None]
) -> None:
    number = 0
    while _undecided(entrants, workers) and (number == 0 or time.monotonic() < end):
        number += 1
        for place, worker in _in_race(entrants, workers, number):
            watch(f"round {number}: {entrants[place].name}")
            _turn(entrants[place], worker)
        racing = [entrants[place] for place, _ in _in_race(entrants, workers)]
        if not racing:
            return
        best = _leader(racing)
        for entrant in racing:
            low, _ = ratio_interval(entrant, best)
            enough = number >= ROUNDS and low > 1.0
            if entrant is not best and (enough or low > HOPELESS.get(number, np.inf)):
                entrant.out = number


def _in_race(
    entrants: list[Entrant], workers: dict[int, Worker], number: int = 0
) -> Iterator[tuple[int, Worker]]:
    """Those that are not out; each round begins with another one, so that none always follows."""
    places = [*workers]
    first = number % len(places) if places else 0
    for place in (*places[first:], *places[:first]):
        if entrants[place].out is None and entrants[place].fault is None:
            yield place, workers[place]


def _leader(racing: list[Entrant]) -> Entrant:
    return min(racing, key=lambda entrant: float(np.median(entrant.turns)))


def _undecided(entrants: list[Entrant], workers: dict[int, Worker]) -> bool:
    racing = [entrants[place] for place, _ in _in_race(entrants, workers)]
    if len(racing) < 2:
        return bool(racing) and len(racing[0].turns) < 2
    if any(len(entrant.turns) < ROUNDS for entrant in racing):
        return True
    best = _leader(racing)
    highs = [ratio_interval(entrant, best)[1] for entrant in racing if entrant is not best]
    return max(highs) > 1 + CLOSE


def _turn(entrant: Entrant, worker: Worker) -> None:
    try:
        worker.resume()
        worker.time(entrant.input, 0.0, 1)  # the caches are cold after a pause
        times = worker.time(entrant.input, TURN, 3)
        worker.pause()
    except EngineError as reason:
        entrant.fault = str(reason)
        return
    samples = [seconds / entrant.batch for seconds in times]
    entrant.runs += samples
    entrant.turns.append(float(np.median(samples)))


def _memory(worker: Worker) -> int:
    try:
        worker.resume()
        return worker.memory()
    except EngineError:
        return 0
