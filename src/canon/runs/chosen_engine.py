"""The engine that was measured to be the fastest for a run, in its folder."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from canon.deploy.candidates import Goal, cores
from canon.deploy.choose import Choice
from canon.deploy.files import FORMATS
from canon.deploy.results import Result
from canon.deploy.worker import Spec
from canon.runs.folder import WEIGHTS, Run
from canon.utils.devices import hardware
from canon.utils.files import sha256, write_text

FOLDER, RECORD, STEM = "export", "engine.json", "engine"
FORMAT = 1
PACKAGES = ("torch", "onnxruntime", "openvino", "ncnn")


@dataclass(frozen=True)
class ChosenEngine:
    """What engine.json holds.

    Args:
        goal: what was measured: latency, throughput or memory.
        name: of the engine, as it is shown.
        engine: its format.
        threads: of a run.
        streams: runs at a time.
        batch: samples in a run.
        options: of the engine.
        results: what was measured of all engines.
        machine: on which.
        versions: of the packages.
        weights: SHA-256 of the run's weights.
        date: of the measurement.
        budget: seconds that it could take.
        max_loss: most that the metric could fall, a fraction; None without low precision.
        format: of this record.
    """

    goal: Goal
    name: str
    engine: str
    threads: int
    streams: int
    batch: int
    options: dict[str, Any]
    results: tuple[Result, ...]
    machine: dict[str, Any]
    versions: dict[str, str]
    weights: str
    date: str
    budget: float
    max_loss: float | None = None
    format: int = FORMAT

    @classmethod
    def of(cls, run: Run, choice: Choice, budget: float, date: str, max_loss: float | None) -> Self:
        """The record of a choice made now, on this machine."""
        spec = choice.spec
        return cls(
            choice.goal, choice.name, spec.engine, spec.threads, spec.streams, choice.batch,
            spec.options, choice.results, machine(), versions(), weights_digest(run), date, budget,
            max_loss,
        )  # fmt: skip

    def spec(self, run: Run) -> Spec:
        """The engine with its file."""
        path = engine_file(run, self.engine)
        return Spec(self.engine, str(path), self.threads, self.streams, self.options)

    def stale(self, run: Run) -> str | None:
        """Why the engine is to be measured again, or None."""
        if self.weights != weights_digest(run):
            return "the run has other weights"
        if self.machine != machine():
            return "this is another machine"
        now = versions()
        changed = [name for name in PACKAGES if self.versions.get(name) != now.get(name)]
        if changed:
            return f"another version of {' and '.join(changed)} is installed"
        return None if engine_file(run, self.engine).exists() else "its file is missing"

    def save(self, run: Run) -> Path:
        """Write engine.json."""
        path = run.path / FOLDER / RECORD
        write_text(path, json.dumps(asdict(self), indent=1) + "\n")
        return path


def engine_file(run: Run, format: str) -> Path:
    """Where the file of a chosen engine is."""
    return run.path / FOLDER / f"{STEM}{FORMATS[format].suffix}"


def chosen_engine(run: Run) -> ChosenEngine | None:
    """The engine that was chosen for a run; None if none was, or the record cannot be read."""
    try:
        content = json.loads((run.path / FOLDER / RECORD).read_text())
        if content["format"] > FORMAT:
            return None
        results = tuple(Result(**one) for one in content["results"])
        return ChosenEngine(**content | {"results": results})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def machine() -> dict[str, Any]:
    """This machine, as far as it matters for speed."""
    return hardware() | {"usable": cores()}


def versions() -> dict[str, str]:
    """The installed engines."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def weights_digest(run: Run) -> str:
    """SHA-256 of a run's weights."""
    path = run.path / WEIGHTS
    return sha256(path) if path.is_file() else ""
