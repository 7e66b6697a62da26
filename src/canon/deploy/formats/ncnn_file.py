"""ncnn's format: a folder with model.ncnn.param and model.ncnn.bin, for one image at a time."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from canon.deploy.engines.ncnn_engine import BIN, METADATA, PARAM
from canon.deploy.network import CLASSES, DeployedNetwork
from canon.deploy.program import Program, quiet
from canon.errors import InputError


class Planes(nn.Module):
    """A network of stored pixels as planes of floating-point numbers, which ncnn takes.

    Shape: (1, C, S, S) float32 in [0, white] -> the outputs of the network
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        if not isinstance(self.net, DeployedNetwork):
            return self.net(pixels)
        found = self.net.of_planes(pixels)
        return found[1:] if CLASSES in self.net.outputs else found  # ncnn has no argmax


def write(program: Program, path: Path, metadata: dict[str, str]) -> None:
    """Write a network with its metadata into a folder, which is made.

    Raises:
        InputError: the converter does not take the network.
    """
    path.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path) as folder:
        example = planes(program.example[:1])
        _convert(Planes(program.module).eval(), example, Path(folder).resolve())
        made = Path(folder) / PARAM
        if not made.is_file() or not _is_whole(made):
            raise InputError(
                "pnnx cannot convert this network to ncnn: it has operators that ncnn lacks; "
                "expected convolutions, poolings and linear layers. Use --format onnx."
            )
        for name in (PARAM, BIN):
            (Path(folder) / name).replace(path / name)
    outputs = [name for name in program.outputs if name != CLASSES]
    text = metadata | {"outputs": json.dumps(outputs), "input": INPUT.format(**metadata)}
    (path / METADATA).write_text(json.dumps(text, indent=1))


INPUT = "{input} For ncnn: as planes (C, H, W) of float32 from 0 to white."


def planes(x: Tensor) -> Tensor:
    """Stored pixels (N, H, W, C) as floating-point planes (N, C, H, W); such planes unchanged."""
    return x if x.is_floating_point() else x.permute(0, 3, 1, 2).float().contiguous()


def _convert(net: nn.Module, example: Tensor, folder: Path) -> None:
    pnnx = import_module("pnnx")
    with _silent_in(folder), quiet(), torch.no_grad():
        try:
            pnnx.export(net, str(folder / "model.pt"), example, fp16=False)
        except Exception:  # torch.jit.trace fails with errors of many types
            return


@contextmanager
def _silent_in(folder: Path) -> Iterator[None]:
    """Work in a folder, without what the converter prints: it is a program of its own."""
    before, out, err = Path.cwd(), os.dup(1), os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.chdir(folder)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(out, 1)
        os.dup2(err, 2)
        for handle in (out, err, sink):
            os.close(handle)
        os.chdir(before)


def _is_whole(param: Path) -> bool:
    """Whether every layer of a network is one of ncnn: pnnx leaves names of torch in the others."""
    kinds = [line.split()[0] for line in param.read_text().splitlines()[2:] if line.strip()]
    return not any("." in kind or "::" in kind for kind in kinds)
