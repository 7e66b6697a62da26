"""A network that an engine runs: arrays in, arrays out."""

from importlib.util import find_spec
from typing import Any, Protocol

from numpy.typing import NDArray

from canon.errors import InputError


class Engine(Protocol):
    """A compiled network.

    Attributes:
        outputs: names of its outputs.
        metadata: of its file.
    """

    outputs: tuple[str, ...]
    metadata: dict[str, str]

    def __call__(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The outputs by name, of a batch of inputs."""


# What each engine needs, by the name of the package that is imported, and the extra that has it.
NEEDS = {
    "torch": ((), ""),
    "onnx": (("onnx", "onnxscript", "onnxruntime"), "deploy"),
    "openvino": (("openvino",), "openvino"),
    "ncnn": (("ncnn", "pnnx"), "ncnn"),
}
NAMES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO", "ncnn": "ncnn", "torch": "torch"}


def missing(engine: str) -> str | None:
    """Why an engine cannot be used, in a sentence, or None."""
    packages, extra = NEEDS[engine]
    absent = [package for package in packages if find_spec(package) is None]
    if not absent:
        return None
    are = "is" if len(absent) == 1 else "are"
    return (
        f"{' and '.join(absent)} {are} not installed; {NAMES[engine]} needs "
        f"{'it' if len(absent) == 1 else 'them'}: pip install 'canon-nets[{extra}]'"
    )


def require_engine(engine: str) -> None:
    """Refuse an engine that is not installed.

    Raises:
        InputError: the message names the extra that has it.
    """
    if reason := missing(engine):
        raise InputError(f"{reason}.")
