"""Programs of torch.export: one file, .pt2."""

import json
from pathlib import Path

import torch

from canon.deploy.engines.torch_engine import METADATA
from canon.deploy.program import Program, quiet


def write(program: Program, path: Path, metadata: dict[str, str]) -> None:
    """Write a program with its metadata into one file."""
    text = json.dumps(metadata | {"outputs": json.dumps(program.outputs)})
    with quiet(), path.open("wb") as file:
        torch.export.save(program.exported, file, extra_files={METADATA: text})
