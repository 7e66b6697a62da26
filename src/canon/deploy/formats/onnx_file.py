"""ONNX: one file, .onnx, with the weights in it."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from canon.deploy.program import Program, quiet


def write(program: Program, path: Path, metadata: dict[str, str]) -> None:
    """Write a program with its metadata into one file."""
    with quiet():
        made = torch.onnx.export(
            program.exported,
            dynamo=True,
            verbose=False,
            input_names=[program.input],
            output_names=list(program.outputs),
        )
    assert made is not None
    made.model.metadata_props.update(metadata)
    _name_dimensions(made.model, program)
    made.save(str(path), external_data=False)


def _name_dimensions(model: Any, program: Program) -> None:
    """Call the first dimension `batch`, and those of images of any size `height` and `width`."""
    ir = import_module("onnx_ir")
    names = {0: "batch"} | dict(zip(program.varying, ("height", "width"), strict=False))
    (pixels,) = model.graph.inputs
    renamed = {}
    shape = list(pixels.shape)
    for place, name in names.items():
        renamed[str(shape[place])] = name
        shape[place] = name
    pixels.shape = ir.Shape(shape)
    for output in model.graph.outputs:
        dimensions = list(output.shape)
        output.shape = ir.Shape(
            [renamed.get(str(d), d if isinstance(d, int) else None) for d in dimensions]
        )
