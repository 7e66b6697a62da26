"""Which engine runs a network fastest here: candidates, measured in a race."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from canon.deploy.candidates import (
    BATCHES,
    KINDS,
    LOW_PRECISION,
    Goal,
    Kind,
    cores,
    settings,
    title,
)
from canon.deploy.engine import NAMES, missing
from canon.deploy.files import FORMATS
from canon.deploy.program import Program
from canon.deploy.quantize import Loss, LowPrecision, quantize_onnx, quantize_openvino
from canon.deploy.race import Entrant, race
from canon.deploy.results import Result
from canon.deploy.worker import EngineError, Spec, Worker
from canon.errors import InputError

TOLERANCE = 1e-3  # largest difference of an output, as a fraction of the largest output
SHARE = 0.99  # of the outputs that keep it: near ties in pooling may move the others


@dataclass(frozen=True)
class Choice:
    """The engine that was chosen.

    Args:
        spec: of the engine.
        name: as it is shown.
        batch: samples in a run.
        results: of all engines, the chosen one first.
        goal: what was measured.
    """

    spec: Spec
    name: str
    batch: int
    results: tuple[Result, ...]
    goal: Goal


class Chooser:
    """Races of the engines of one network.

    Args:
        program: the folded network.
        plain: the same, not folded.
        reference: the outputs of the network in torch for the example.
        folder: for files; those of the chosen engine stay there.
        watch: called with what is being done.
        low: also try engines of low precision.
    """

    def __init__(
        self,
        program: Program,
        plain: Program,
        reference: Sequence[torch.Tensor],
        folder: Path,
        watch: Callable[[str], None] = lambda _: None,
        low: LowPrecision | None = None,
    ) -> None:
        self.program, self.plain, self.folder, self.watch = program, plain, folder, watch
        self.low, self.losses = low, dict[str, Loss]()
        self.kinds = (*KINDS[:4], *LOW_PRECISION, *KINDS[4:]) if low else KINDS
        self.reference = [y.detach().float().numpy() for y in reference]
        self.inputs: dict[int, Path] = {}

    def choose(self, goal: Goal, budget: float) -> Choice:
        """The fastest engine, or the one with the least memory.

        First every engine with all cores; then the fastest ones with fewer threads or, for
        throughput, with more streams and other batches.

        Args:
            goal: `latency` of one sample, `throughput` of many, or `memory` of the process.
            budget: seconds.

        Raises:
            InputError: no engine runs the network within the budget.
        """
        start = time.monotonic()
        first = [*self._entrants(goal)]
        self._race(first, start + 0.7 * budget)
        ranked = self._ranked(first, goal)
        second = [*self._variants(ranked, goal)] if goal != "memory" else []
        self._race(second, start + budget)
        entrants = [*ranked[:2], *second]
        if second:  # the winners of both, in one race
            finalists = self._ranked(entrants, goal)[:2]
            again = [replace(one, turns=[], runs=[], out=None) for one in finalists]
            self._race(again, start + budget)
            entrants = again if all(one.runs for one in again) else finalists
        best = self._acceptable(self._ranked(entrants, goal), ranked)
        if best is None:
            raise InputError(
                f"no engine was measured within {budget:g} seconds; expected a longer budget. Pass "
                "--budget 60."
            )
        rest = [one for one in (*first, *second) if one.name != best.name]
        results = map(self._result, (best, *self._ranked(rest, goal, measured=False)))
        return Choice(best.spec, best.name, best.batch, tuple(results), goal)

    def _acceptable(self, finalists: list[Entrant], others: list[Entrant]) -> Entrant | None:
        """The first of the ranked engines that loses no more than is allowed."""
        for entrant in (*finalists, *others):
            loss = self._loss(entrant)
            if loss is None or self.low is None or loss.lost <= self.low.limit:
                return entrant
        return None

    def _loss(self, entrant: Entrant) -> Loss | None:
        """What is lost with low precision; None with full, or if it was not measured."""
        if self.low is None or not self._kind(entrant).lossy or not entrant.runs:
            return None
        if entrant.kind not in self.losses:
            self.watch(f"measuring what is lost with {entrant.kind}")
            self.losses[entrant.kind] = self.low.loss(entrant.spec)
        return self.losses[entrant.kind]

    def _result(self, entrant: Entrant) -> Result:
        result, loss = Result.of(entrant), self._loss(entrant)
        return replace(result, lost=loss.lost, interval=loss.interval) if loss else result

    def _ranked(
        self, entrants: list[Entrant], goal: Goal, *, measured: bool = True
    ) -> list[Entrant]:
        key: Callable[[Entrant], float] = (
            (lambda one: one.memory or np.inf) if goal == "memory" else (lambda one: one.median)
        )
        chosen = [one for one in entrants if not measured or (one.runs and one.fault is None)]
        return sorted(chosen, key=key)

    def _race(self, entrants: list[Entrant], end: float) -> None:
        race(entrants, self._opened, end=end, watch=self.watch)

    def _entrants(self, goal: Goal) -> list[Entrant]:
        batch = BATCHES[1] if goal == "throughput" else 1
        return [self._entrant(kind, cores(), 1, batch) for kind in self.kinds]

    def _variants(self, ranked: list[Entrant], goal: Goal) -> list[Entrant]:
        """The two fastest engines with other threads, streams and batches."""
        found = []
        for entrant in ranked[:2]:
            kind = self._kind(entrant)
            found += [
                self._entrant(kind, threads, streams, batch)
                for threads, streams, batch in settings(goal, cores())
                if (threads, streams, batch)
                != (entrant.spec.threads, entrant.spec.streams, entrant.batch)
            ]
        return found

    def _entrant(self, kind: Kind, threads: int, streams: int, batch: int) -> Entrant:
        spec = Spec(kind.format, str(self._path(kind)), threads, streams, kind.options)
        name = title(kind, threads, streams, batch)
        fault = missing(kind.format)
        return Entrant(kind.name, name, spec, batch, self._input(batch), fault=fault)

    def _opened(self, entrant: Entrant) -> Worker:
        """A worker with the engine, checked.

        Raises:
            EngineError: the engine is not installed, does not take the network, or is wrong.
        """
        self._convert(Path(entrant.spec.path), entrant.spec.engine)
        self.watch(f"opening {entrant.name}")
        worker = Worker(entrant.spec)
        try:
            if not self._kind(entrant).lossy:  # whose loss is measured on images
                self._check(entrant, worker)
            worker.settle(entrant.input)
        except EngineError:
            worker.close()
            raise
        return worker

    def _kind(self, entrant: Entrant) -> Kind:
        return next(kind for kind in self.kinds if kind.name == entrant.kind)

    def _path(self, kind: Kind) -> Path:
        return self.folder / f"{kind.graph}{FORMATS[kind.format].suffix}"

    def _convert(self, path: Path, format: str) -> None:
        if path.exists():
            return
        self.watch(f"converting to {NAMES[format]}{', int8' if path.stem == 'int8' else ''}")
        program = self.plain if path.stem == "plain" else self.program
        try:
            if path.stem == "int8":
                self._quantize(path, format)
            else:
                FORMATS[format].write(program, path, {"input_name": program.input, "input": ""})
        except Exception as reason:  # converters raise errors of many types
            text = " ".join(str(reason).split())[:200] or type(reason).__name__
            raise EngineError(text) from None

    def _quantize(self, path: Path, format: str) -> None:
        assert self.low is not None
        source = path.with_stem("folded")
        self._convert(source, format)
        if format == "onnx":
            quantize_onnx(source, path, self.low.samples, self.program.input)
        else:
            quantize_openvino(source, path, self.low.samples)

    def _input(self, batch: int) -> Path:
        if batch not in self.inputs:
            path = self.folder / f"input-{batch}.npy"
            x = self.program.example.numpy()
            np.save(path, np.concatenate([x] * -(-batch // len(x)))[:batch])
            self.inputs[batch] = path
        return self.inputs[batch]

    def _check(self, entrant: Entrant, worker: Worker) -> None:
        path = self.folder / "outputs.npz"
        worker.run(entrant.input, path)
        with np.load(path) as found:
            outputs = [found[name] for name in self.program.outputs]
        for y, expected in zip(outputs, self.reference, strict=True):
            count = min(len(y), len(expected))
            difference = np.abs(y[:count] - expected[:count])
            scale = float(np.abs(expected).max()) or 1.0
            share = float((difference <= TOLERANCE * scale).mean())
            if not share >= SHARE:
                raise EngineError(f"wrong: {1 - share:.1%} of the outputs differ from torch's")
