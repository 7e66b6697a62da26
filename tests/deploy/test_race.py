"""The race of engines, with workers of known speed."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from canon.deploy.candidates import settings
from canon.deploy.race import Entrant, race, ratio_interval
from canon.deploy.worker import EngineError, Spec


class Made:
    """A worker that takes a known time, on a machine whose speed drifts."""

    turns = itertools.count()

    def __init__(self, seconds, noise=0.02, dies=False):
        self.seconds, self.noise, self.dies = seconds, noise, dies
        self.random, self.paused, self.asked = np.random.default_rng(0), False, 0

    def time(self, x, seconds, least=1):
        assert not self.paused
        if self.dies and self.asked > 2:
            raise EngineError("the engine crashed (SIGSEGV)")
        self.asked += 1
        drift = 1.5 + np.sin(next(self.turns) / 40)  # of the machine, the same for neighbours
        return [self.seconds * drift * (1 + self.noise * self.random.random()) for _ in range(9)]

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    def memory(self):
        return 1000

    def close(self):
        self.closed = True


def run(workers, budget=60.0):
    entrants = [Entrant(name, name, Spec("onnx", "", 1), 1, Path("x")) for name in workers]

    def opened(entrant):
        worker = workers[entrant.name]
        if worker is None:
            raise EngineError("ncnn is not installed")
        return worker

    race(entrants, opened, end=time.monotonic() + budget)
    return {one.name: one for one in entrants}


def fastest(found):
    return min(
        (one for one in found.values() if one.fault is None), key=lambda one: one.median
    ).name


def test_the_fastest_engine_wins_although_the_machine_drifts():
    workers = {"slow": Made(2.0), "fast": Made(1.0), "near": Made(1.05)}
    found = run(workers)
    assert fastest(found) == "fast"
    assert found["slow"].out == 1
    assert found["near"].out is not None
    assert all(worker.closed for worker in workers.values())


def test_engines_that_are_equally_fast_end_the_race():
    found = run({"a": Made(1.0, 0.001), "b": Made(1.0, 0.001)})
    assert len(found["a"].turns) < 50


def test_an_engine_that_is_missing_or_crashes_is_left_out_with_its_reason():
    found = run({"torch": Made(2.0), "ncnn": None, "bad": Made(0.5, dies=True), "good": Made(1.0)})
    assert found["ncnn"].fault == "ncnn is not installed"
    assert "SIGSEGV" in found["bad"].fault
    assert fastest(found) == "good"


def test_when_the_budget_is_spent_the_first_engine_is_measured():
    found = run({"torch": Made(2.0), "later": Made(1.0)}, budget=-1.0)
    assert found["torch"].runs
    assert "budget" in found["later"].fault


@pytest.mark.parametrize("factor", [1.0, 1.1, 2.0])
def test_the_interval_of_a_ratio_contains_it(factor):
    random = np.random.default_rng(1)
    drift = 1 + random.random(25)
    best, other = (Entrant(name, name, Spec("onnx", "", 1), 1, Path("x")) for name in "ab")
    best.turns = list(drift * (1 + 0.02 * random.standard_normal(25)))
    other.turns = list(factor * drift * (1 + 0.02 * random.standard_normal(25)))
    low, high = ratio_interval(other, best)
    assert low < factor < high
    assert high - low < 0.06 * factor


def test_streams_and_threads_never_take_more_than_the_cores():
    for cores in (1, 2, 4, 16):
        tried = settings("throughput", cores)
        assert all(threads * streams <= cores for threads, streams, _ in tried)
        assert (1, cores, cores) in tried
        assert settings("latency", cores)[0] == (cores, 1, 1)
