"""ncnn, on the CPU, for one image after another."""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.deploy.engine import require_engine
from canon.errors import DataError

PARAM, BIN, METADATA = "model.ncnn.param", "model.ncnn.bin", "canon.json"
# ncnn's default of half precision costs up to 1.8e-3.
HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")
EXACT = dict.fromkeys(HALF, False)


class NcnnEngine:
    """A folder that ncnn runs on the CPU, one image after another.

    Args:
        path: of the folder.
        threads: None takes every core.
        options: of the network, by their names in ncnn.
    """

    def __init__(
        self, path: Path, threads: int | None = None, options: dict[str, Any] | None = None
    ) -> None:
        require_engine("ncnn")
        self.ncnn = import_module("ncnn")
        try:
            self.metadata: dict[str, str] = json.loads((path / METADATA).read_text())
            self.outputs = tuple(json.loads(self.metadata.get("outputs", "[]")))
        except (OSError, ValueError) as reason:
            raise DataError(
                f"{path} cannot be opened: {reason}; expected a folder that `canon export` wrote. "
                "Export it again."
            ) from None
        self.net = self.ncnn.Net()
        settings = EXACT | {"num_threads": threads or os.cpu_count() or 1} | (options or {})
        for name, value in settings.items():
            setattr(self.net.opt, name, value)
        if self.net.load_param(str(path / PARAM)) or self.net.load_model(str(path / BIN)):
            raise DataError(
                f"{path} cannot be opened by ncnn; expected a folder that `canon export` wrote. "
                "Export it again."
            )

    def __call__(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        rows = [self._one(image) for image in _planes(x)]
        columns = (np.stack(column) for column in zip(*rows, strict=True))
        return dict(zip(self.outputs, columns, strict=True))

    def _one(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        extractor = self.net.create_extractor()
        extractor.input("in0", self.ncnn.Mat(image).clone())  # aligned, unlike numpy's
        found = []
        for i in range(len(self.outputs)):
            code, values = extractor.extract(f"out{i}")
            if code:
                raise DataError(f"ncnn cannot compute {self.outputs[i]} (error {code}).")
            found.append(np.array(values))
        return found


def _planes(x: NDArray[Any]) -> NDArray[np.float32]:
    """Stored pixels (N, H, W, C) as planes (N, C, H, W) of float32; such planes unchanged."""
    if x.dtype == np.float32:
        return x
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)
