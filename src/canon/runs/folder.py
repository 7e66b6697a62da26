"""The run folder: all that evaluation, prediction and resuming need.

run.json            what was asked for and what it came to
model.safetensors   the weights to use
state/              what resuming needs
metrics.jsonl       a line an epoch
report.html         the page to look at
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.data.targets.mask_codes import MaskCodes
from canon.errors import RunError
from canon.layers.ensemble import Ensemble, ResizeAndNormalize
from canon.models import build
from canon.utils.files import atomic_write
from canon.weights import Checkpoint, load_exact, read

FACTS, WEIGHTS, STATE = "run.json", "model.safetensors", "state"
METRICS, REPORT = "metrics.jsonl", "report.html"
ENSEMBLE = "ensemble"  # the model of a run that is several


@dataclass
class Run:
    """A run folder and what its run.json says."""

    path: Path
    facts: dict[str, Any]

    @property
    def model(self) -> str:
        """The registered name of the network."""
        return self.facts["model"]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return tuple(self.facts["data"]["classes"])

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to an image before the network sees it."""
        return _preprocessing(self.facts["preprocessing"])

    @property
    def values(self) -> MaskCodes | None:
        """What the values of masks mean; None where each image has a class."""
        record = self.facts["data"].get("masks")
        return MaskCodes.of(record) if record else None

    @property
    def commonest(self) -> int:
        """The class that most pixels of the training masks have."""
        shown = self.facts["data"]["pixels"]["train"]
        return int(max(range(len(shown)), key=shown.__getitem__))

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
        if self.model == ENSEMBLE:
            return self._ensemble()
        net = build(self.model, **self.facts["numbers"])
        load_exact(net, self.model, self.checkpoint())
        return net

    def _ensemble(self) -> nn.Module:
        members = []
        for member in self.facts["members"]:
            how = _preprocessing(member["preprocessing"])
            fit = ResizeAndNormalize(how.stored, how.inner, how.border, how.mean, how.std)
            members.append(nn.Sequential(fit, build(member["model"], **member["numbers"])))
        net = Ensemble(members, [member["weight"] for member in self.facts["members"]])
        read = self.checkpoint()
        state = {re.sub(r"^(members\.\d+)\.", r"\1.1.", k): v for k, v in read.state.items()}
        load_exact(net, self.model, replace(read, state=state))
        return net

    def checkpoint(self) -> Checkpoint:
        """The run's weights.

        Raises:
            RunError: they are missing.
            WeightsError: they are damaged.
        """
        path = self.path / WEIGHTS
        if not path.is_file():
            raise RunError(
                f"{path} is missing; expected the weights of a run. Train again, or go on with "
                f"`canon train ... --resume --out {self.path}`."
            )
        return read(path)

    def save_weights(self, net: nn.Module) -> None:
        """Keep the weights of a network as the run's."""
        self.save_tensors(net.state_dict())

    def save_tensors(self, state: dict[str, Tensor]) -> None:
        """Keep tensors as the run's weights."""
        tensors = {name: tensor.contiguous().cpu() for name, tensor in state.items()}
        with atomic_write(self.path / WEIGHTS) as aside:
            save_file(tensors, aside, metadata={"model": self.model})

    def save_facts(self, **more: Any) -> None:
        """Add to run.json and write it."""
        self.facts |= more
        with atomic_write(self.path / FACTS) as aside:
            aside.write_text(json.dumps(self.facts, indent=1) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        path = self.path / METRICS
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def add_metrics(self, line: dict[str, Any]) -> None:
        """Write an epoch's line; a line of the same or a later epoch, from before a stop, goes."""
        lines = [old for old in self.metrics() if old["epoch"] < line["epoch"]] + [line]
        with atomic_write(self.path / METRICS) as aside:
            aside.write_text("".join(json.dumps(one) + "\n" for one in lines))


def _preprocessing(stored: dict[str, Any]) -> Preprocessing:
    return Preprocessing(**stored | {k: tuple(stored[k]) for k in ("mean", "std")})


def new_folder(out: Path | None, model: str, data: str) -> Path:
    """The folder a new run may use, not made yet: `out`, or the next free runs/MODEL-DATA.

    Raises:
        RunError: `out` exists.
    """
    if out is not None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(
                f"{out} exists already; expected a new folder. Pass another --out, or go on with "
                "the run in it by `canon train ... --resume`."
            )
        return out
    base = Path("runs") / f"{model}-{data}"
    number = 2
    path = base
    while path.exists():
        path, number = base.with_name(f"{base.name}-{number}"), number + 1
    return path


def make_folder(out: Path | None, model: str, data: str) -> Path:
    """A new folder, made; another run that took the same one in between is not disturbed."""
    while True:
        path = new_folder(out, model, data)
        try:
            path.mkdir(parents=True, exist_ok=out is not None)
        except FileExistsError:
            continue
        return path
