"""OpenVINO, on the CPU."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from canon.deploy.engine import require_engine
from canon.errors import DataError

MODEL, SECTION = "model.xml", "canon"


def openvino() -> Any:
    """The package, without its telemetry.

    OpenVINO reports conversions to its makers through `openvino_telemetry`; where that package is
    missing, it works without.
    """
    require_engine("openvino")
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return import_module("openvino")


class OpenVinoEngine:
    """A folder that OpenVINO runs on the CPU.

    Args:
        path: of the folder.
        threads: None takes every core.
        options: properties of the device.
    """

    def __init__(
        self, path: Path, threads: int | None = None, options: dict[str, Any] | None = None
    ) -> None:
        ov = openvino()
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "CPU_DENORMALS_OPTIMIZATION": True,
        }
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        file = path / MODEL if path.is_dir() else path
        try:
            core = ov.Core()
            _require_bfloat16(core, settings | (options or {}))
            model = core.read_model(str(file))
            self.metadata = _metadata(model)
            self.compiled = core.compile_model(model, "CPU", settings | (options or {}))
        except Exception as reason:
            raise DataError(
                f"{path} cannot be opened by OpenVINO: {str(reason)[:200]}; expected a folder that "
                "`canon export` wrote. Export it again."
            ) from None
        self.outputs = tuple(output.any_name for output in self.compiled.outputs)
        self.request = self.compiled.create_infer_request()

    def __call__(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        self.request.infer([x], share_inputs=True)
        found = (self.request.get_output_tensor(i).data.copy() for i in range(len(self.outputs)))
        return dict(zip(self.outputs, found, strict=True))


def _require_bfloat16(core: Any, settings: dict[str, Any]) -> None:
    """Refuse what OpenVINO would compute in float32 without a word."""
    wanted = settings["INFERENCE_PRECISION_HINT"] == "bf16"
    if wanted and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ValueError("this processor does not compute with bfloat16")


def _metadata(model: Any) -> dict[str, str]:
    if not model.has_rt_info([SECTION]):
        return {}
    entries = model.get_rt_info([SECTION]).value
    return {name: str(getattr(value, "value", value)) for name, value in entries.items()}
