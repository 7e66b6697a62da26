"""ONNX Runtime, on the CPU."""

from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from canon.deploy.engine import require_engine
from canon.errors import DataError


class OnnxEngine:
    """A file that ONNX Runtime runs on the CPU.

    Args:
        path: of the file.
        threads: None takes every core.
        options: entries of the session's configuration.
    """

    def __init__(
        self, path: Path, threads: int | None = None, options: dict[str, str] | None = None
    ) -> None:
        require_engine("onnx")
        runtime = import_module("onnxruntime")
        settings = runtime.SessionOptions()
        settings.intra_op_num_threads = threads or 0
        settings.log_severity_level = 3
        settings.add_session_config_entry("session.set_denormal_as_zero", "1")
        for name, value in (options or {}).items():
            settings.add_session_config_entry(name, value)
        try:
            self.session = runtime.InferenceSession(
                str(path), settings, providers=["CPUExecutionProvider"]
            )
        except Exception as reason:
            raise DataError(
                f"{path} cannot be opened by ONNX Runtime: {str(reason)[:200]}; expected a file "
                "that `canon export` wrote. Export it again."
            ) from None
        self.input = self.session.get_inputs()[0].name
        self.outputs = tuple(output.name for output in self.session.get_outputs())
        self.metadata: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)

    def __call__(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        found = self.session.run(None, {self.input: x})
        return dict(zip(self.outputs, found, strict=True))
