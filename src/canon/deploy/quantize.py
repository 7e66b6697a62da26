"""Eight-bit networks by calibration on samples: ONNX Runtime's and OpenVINO's own tools.

Weights become int8, one scale for each output channel; activations become uint8 (ONNX Runtime) or
what NNCF chooses (OpenVINO), with ranges that the samples show.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from canon.deploy.engines.openvino_engine import MODEL, openvino
from canon.deploy.program import quiet
from canon.deploy.worker import Spec
from canon.errors import InputError

LEAST = 32  # samples that show the ranges of activations

Samples = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Loss:
    """How much a metric falls with an engine.

    Args:
        lost: a fraction, negative if the metric rises.
        interval: 95 %, if it is known.
    """

    lost: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class LowPrecision:
    """What engines of low precision need.

    Args:
        samples: batches of inputs that show the ranges of activations.
        loss: of the metric on held-out images with an engine.
        limit: most that the metric may fall, a fraction.
    """

    samples: Samples
    loss: Callable[[Spec], Loss]
    limit: float


def require_samples(count: int) -> None:
    """Refuse a calibration set that is too small.

    Raises:
        InputError: fewer than 32 samples.
    """
    if count < LEAST:
        raise InputError(
            f"{count} images are too few to calibrate int8; expected {LEAST} or more training "
            "images. Leave --low-precision out."
        )


class _Reader:
    """Samples as ONNX Runtime reads them."""

    def __init__(self, samples: Samples, name: str) -> None:
        self.samples, self.name = iter(samples), name

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next sample, or None."""
        sample = next(self.samples, None)
        return None if sample is None else {self.name: sample}


def quantize_onnx(source: Path, target: Path, samples: Samples, name: str) -> None:
    """Write the int8 form of an ONNX file.

    Args:
        source: the file.
        target: the file to write.
        samples: batches of inputs.
        name: of the input.
    """
    tools = import_module("onnxruntime.quantization")
    process = import_module("onnxruntime.quantization.shape_inference").quant_pre_process
    with tempfile.TemporaryDirectory() as folder, quiet():
        prepared = Path(folder) / "prepared.onnx"
        process(str(source), str(prepared), skip_symbolic_shape=True)
        reader = type("Reader", (_Reader, tools.CalibrationDataReader), {})(samples, name)
        tools.quantize_static(
            str(prepared),
            str(target),
            reader,
            quant_format=tools.QuantFormat.QDQ,
            per_channel=True,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
        )


def quantize_openvino(source: Path, target: Path, samples: Samples) -> None:
    """Write the int8 form of an OpenVINO folder.

    Args:
        source: the folder.
        target: the folder to write.
        samples: batches of inputs.
    """
    ov = openvino()
    with quiet():
        nncf = import_module("nncf")
        nncf.set_log_level(logging.ERROR)
        model = ov.Core().read_model(str(source / MODEL))
        small = nncf.quantize(model, nncf.Dataset(list(samples)), subset_size=len(samples))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    ov.save_model(small, str(target / MODEL), compress_to_fp16=False)
