"""Exported files: which format a path is in, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from canon.deploy.formats import ncnn_file, onnx_file, openvino_file, torch_file
from canon.deploy.program import Program

Format = Literal["torch", "onnx", "openvino", "ncnn"]


@dataclass(frozen=True)
class FormatInfo:
    """A format of exported files.

    Args:
        suffix: of its files and folders.
        write: a program, a path that does not exist and the metadata.
        crashes: whether its engine may end the whole process on a network that it does not take.
    """

    suffix: str
    write: Callable[[Program, Path, dict[str, str]], None]
    crashes: bool = False


FORMATS: dict[str, FormatInfo] = {
    "torch": FormatInfo(".pt2", torch_file.write),
    "onnx": FormatInfo(".onnx", onnx_file.write),
    "openvino": FormatInfo(".openvino", openvino_file.write),
    "ncnn": FormatInfo(".ncnn", ncnn_file.write, crashes=True),
}


def format_of(path: Path) -> str | None:
    """The format of an exported file or folder, by its suffix; None if it has none of them."""
    found = (name for name, one in FORMATS.items() if one.suffix == path.suffix)
    name = next(found, None)
    if name in ("openvino", "ncnn"):
        return name if path.is_dir() else None
    return name if path.is_file() else None
