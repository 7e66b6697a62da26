"""An exported file in place of a run folder: for predicting, evaluating and embedding."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from canon.data.preprocessing import Preprocessing
from canon.data.types import IGNORE
from canon.deploy.engine import Engine
from canon.deploy.engine_network import EngineNetwork
from canon.deploy.engines import open_engine
from canon.deploy.files import FORMATS, format_of
from canon.deploy.metadata import damaged, recorded_run
from canon.deploy.network import IMAGES, PIXELS
from canon.errors import DataError
from canon.models import build
from canon.runs.folder import Run
from canon.runs.migrate import NewerFormatError
from canon.runs.open import open_run
from canon.runs.record import DataRecord, RunRecord
from canon.utils.files import fingerprint
from canon.weights import Checkpoint

# Of a record, what an exported file does not contain: the machine and its user.
PRIVATE = ("command", "hardware", "versions", "config")
SUFFIXES = tuple(one.suffix for one in FORMATS.values())


@dataclass(repr=False)
class ExportedRun(Run):
    """An exported file with the record of its run.

    Args:
        engine: that runs it.
    """

    engine: Engine

    def network(self) -> nn.Module:
        """The engine in place of the network."""
        pixels = self.engine.metadata.get("input_name", PIXELS) == PIXELS
        return engine_network(self, self.engine, PIXELS if pixels else IMAGES)

    def trained_key(self) -> str:
        """A text that changes with the file."""
        return f"{self.path.resolve()} {fingerprint(self.path)}"

    def checkpoint(self) -> Checkpoint:
        """Refused: the weights are part of the graph.

        Raises:
            DataError: always.
        """
        raise DataError(
            f"{self.path} is an exported network, whose weights are part of its graph; expected a "
            "run folder. Pass the run."
        )


def engine_network(run: Run, engine: Engine, name: str) -> EngineNetwork:
    """An engine in place of the network of a run.

    Args:
        run: the run.
        engine: of its network.
        name: of the engine's input, `pixels` or `images`.
    """
    prep = run.preprocessing
    crops = name == PIXELS and run.record.task != "segment"
    return EngineNetwork(engine, _on_meta(run), prep, name, crop=crops)


def _on_meta(run: Run) -> nn.Module:
    with torch.device("meta"):
        if run.record.members:
            return nn.Identity()  # an ensemble classifies squares, whose size is known
        return build(run.model, **run.record.model_args)


def open_model(path: str | Path) -> Run:
    """The run in a folder, or the exported file at a path.

    Raises:
        RunError: no run folder.
        DataError: an exported file that is missing, cannot be opened, or is of a newer version.
        InputError: its engine is not installed.
    """
    path = Path(path)
    name = format_of(path)
    if name is None:
        if path.suffix in SUFFIXES and not path.exists():
            raise DataError(
                f"{path} does not exist; expected a file that `canon export` wrote. Check the path."
            )
        return open_run(path)
    engine = open_engine(name, path)
    content = recorded_run(engine.metadata, str(path))
    try:
        record = RunRecord.from_json(content)
    except NewerFormatError as reason:
        raise DataError(f"{path}: {reason}; expected an older one. Update Canon.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise damaged(str(path), reason) from None
    return ExportedRun(path, record, engine)


def public_record(record: RunRecord) -> dict[str, Any]:
    """A record without what says something about the machine and its user."""
    return {name: value for name, value in record.to_json().items() if name not in PRIVATE}


def plain_record(
    model: str, task: str, prep: Preprocessing, outputs: int, sizes: dict[str, int]
) -> RunRecord:
    """The record of a network that no run has trained: its classes are numbers."""
    classes = tuple(map(str, range(outputs)))
    targets: dict[str, Any] = {"kind": "label"}
    if task == "segment":
        targets = {"kind": "mask", "values": [*range(outputs)], "ignore": [IGNORE]}
    return RunRecord(model, task, prep, DataRecord(None, classes, targets), None, dict(sizes))
