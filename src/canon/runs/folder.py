"""The run folder: all that evaluation, prediction and resuming need.

run.json            the configuration, as given and as resolved; the result
model.safetensors   the weights to use
state/              what resuming needs
metrics.jsonl       one line for each epoch
report.html         a single self-contained page
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.data.targets.base import Targets
from canon.data.targets.labels import Labels
from canon.data.targets.mask_codes import MaskCodes
from canon.data.targets.masks import Masks
from canon.errors import RunError
from canon.models import build
from canon.runs.migrate import FORMAT, migrate_line
from canon.runs.record import RunRecord
from canon.training.recipe import Recipe
from canon.utils.files import atomic_write, fingerprint
from canon.weights import Checkpoint, load_exact, read

RECORD, WEIGHTS, STATE = "run.json", "model.safetensors", "state"
METRICS, REPORT = "metrics.jsonl", "report.html"
PHASES = ("pretraining", "warming", "training", "retraining")  # of a clustering


@dataclass(frozen=True)
class TrainedModel:
    """What predicting, explaining and exporting need of a run.

    Args:
        net: the network.
        task: what it was trained for.
        preprocessing: from an image file to its input.
        classes: names of its outputs.
        mask_codes: what the values of masks mean, for segmentation.
        background: the class that overlays leave bare: the most frequent one.
        fingerprint: of the weights, which a resumed output belongs to.
    """

    net: nn.Module
    task: str
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    mask_codes: MaskCodes | None = None
    background: int = 0
    fingerprint: str = ""


@dataclass(repr=False)
class Run:
    """A run folder and its record."""

    path: Path
    record: RunRecord

    def __repr__(self) -> str:
        result = (self.record.result or {}).get("figures") or []
        shown = f", {result[0]['name']} {result[0]['value']:.4g}" if result else ""
        return f"<run {self.path}: {self.model} on {self.record.data.source}{shown}>"

    @property
    def recipe(self) -> Recipe[Any]:
        """How it was trained; an ensemble has no recipe."""
        assert self.record.recipe is not None
        return self.record.recipe

    @property
    def model(self) -> str:
        """The registered name of the network."""
        return self.record.model

    @property
    def sizes(self) -> dict[str, Any]:
        """The arguments of its network, without the seed of the initial weights."""
        return {name: value for name, value in self.record.model_args.items() if name != "seed"}

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return self.record.data.classes

    @property
    def preprocessing(self) -> Preprocessing:
        """From an image file to the network's input."""
        return self.record.preprocessing

    @property
    def targets(self) -> Targets:
        """Targets like those that it was trained on, without a sample."""
        recorded = self.record.data.targets
        if "ignore" in recorded:
            return Masks((), self.classes, MaskCodes.of(recorded))
        return Labels(np.zeros(0, np.int64), self.classes)

    @property
    def states(self) -> Path:
        """The folder of the states that resuming needs."""
        return self.path / STATE

    def network(self) -> nn.Module:
        """The network with the run's weights, on the CPU.

        Raises:
            RunError: the weights are missing.
            WeightsError: they are damaged, or of another network.
        """
        net = build(self.model, **self.record.model_args)
        load_exact(net, self.model, self.checkpoint())
        return net

    def trained_key(self) -> str:
        """A text that changes with the weights, which unfinished output belongs to."""
        weights = self.path / WEIGHTS
        return f"{weights.resolve()} {fingerprint(weights)}"

    def trained_model(self, net: nn.Module | None = None) -> TrainedModel:
        """The network with all that predicting needs.

        Args:
            net: the network, if it is loaded already.
        """
        data = self.record.data
        codes = MaskCodes.of(data.targets) if "ignore" in data.targets else None
        pixels = data.pixels.get("train", [0])
        return TrainedModel(
            self.network() if net is None else net,
            self.record.task,
            self.preprocessing,
            self.classes,
            codes,
            max(range(len(pixels)), key=pixels.__getitem__),
            self.trained_key(),
        )

    def checkpoint(self) -> Checkpoint:
        """The run's weights.

        Raises:
            RunError: they are missing.
            WeightsError: they are damaged.
        """
        path = self.path / WEIGHTS
        if not path.is_file():
            raise RunError(
                f"{path} is missing; expected the weights of a run. Train again, or resume with "
                f"`canon train ... --resume --out {self.path}`."
            )
        return read(path)

    def save_weights(self, net: nn.Module) -> None:
        """Save the weights of a network as the run's."""
        self.save_tensors(net.state_dict())

    def save_tensors(self, state: dict[str, Tensor]) -> None:
        """Save tensors as the run's weights."""
        tensors = {name: tensor.contiguous().cpu() for name, tensor in state.items()}
        with atomic_write(self.path / WEIGHTS) as temporary:
            save_file(tensors, temporary, metadata={"model": self.model, "format": str(FORMAT)})

    def save_record(self, **changes: Any) -> None:
        """Change fields of the record, and write run.json."""
        self.record = replace(self.record, **changes)
        with atomic_write(self.path / RECORD) as temporary:
            temporary.write_text(json.dumps(self.record.to_json(), indent=1) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        path = self.path / METRICS
        *lines, last = path.read_text().split("\n") if path.exists() else [""]
        if last and not last.endswith("}"):  # cut by a power cut
            last = ""
        return [migrate_line(json.loads(line)) for line in (*lines, last) if line]

    def add_metrics(self, line: dict[str, Any]) -> None:
        """Write the line of an epoch in place of older lines of this and later epochs."""
        only = self.record.config.get("seed", 0)  # of older lines, which do not say it
        now = _order(line, only)
        lines = [old for old in self.metrics() if _order(old, only) < now] + [line]
        with atomic_write(self.path / METRICS) as temporary:
            temporary.write_text("".join(json.dumps(one) + "\n" for one in lines))


def _order(line: dict[str, Any], seed: int) -> tuple[int, int, int]:
    """Where a line of metrics.jsonl belongs: clusterings have phases, of several seeds perhaps."""
    return line.get("seed", seed), PHASES.index(line.get("phase", PHASES[0])), line["epoch"]


def new_folder(out: Path | None, model: str, data: str) -> Path:
    """The folder for a new run, not created yet: `out`, or the next free runs/MODEL-DATA.

    Raises:
        RunError: `out` exists.
    """
    if out is not None:
        if out.exists() and (not out.is_dir() or any(map(_of_a_run, out.iterdir()))):
            resume = ", or resume the run in it with --resume" if (out / RECORD).is_file() else ""
            raise RunError(
                f"{out} exists already; expected a new folder. Pass another --out{resume}."
            )
        return out
    base = Path("runs") / f"{model}-{data}"
    number = 2
    path = base
    while path.exists():
        path, number = base.with_name(f"{base.name}-{number}"), number + 1
    return path


def _of_a_run(path: Path) -> bool:
    """Whether a file in a run folder is more than what a kill at its very start leaves."""
    return not path.name.startswith((f".{RECORD}", ".lock"))


def make_folder(out: Path | None, model: str, data: str) -> Path:
    """A new folder, created; a run that took the same name in between is not disturbed."""
    while True:
        path = new_folder(out, model, data)
        try:
            path.mkdir(parents=True, exist_ok=out is not None)
        except FileExistsError:
            continue
        return path
