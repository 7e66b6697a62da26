"""The engines that run exported files. Only torch's imports torch."""

from importlib import import_module
from pathlib import Path
from typing import Any

from canon.deploy.engine import Engine

ENGINES = {
    "torch": "canon.deploy.engines.torch_engine:TorchEngine",
    "onnx": "canon.deploy.engines.onnx_engine:OnnxEngine",
    "openvino": "canon.deploy.engines.openvino_engine:OpenVinoEngine",
    "ncnn": "canon.deploy.engines.ncnn_engine:NcnnEngine",
}


def open_engine(
    name: str, path: Path, threads: int | None = None, options: dict[str, Any] | None = None
) -> Engine:
    """The engine of that name for a file.

    Args:
        name: of the engine, which is that of its format.
        path: of the file or folder.
        threads: None takes every core.
        options: of the engine.

    Raises:
        DataError: it cannot be opened.
        InputError: the engine is not installed.
    """
    module, _, kind = ENGINES[name].partition(":")
    engine: Engine = getattr(import_module(module), kind)(path, threads, options)
    return engine
