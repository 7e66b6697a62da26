"""The engines that are tried for a network, and their settings."""

import os
from dataclasses import dataclass
from typing import Any, Literal

import psutil

from canon.utils.tables import counted

Goal = Literal["latency", "throughput", "memory"]
BATCHES = (1, 8, 32)  # of each stream, for throughput


@dataclass(frozen=True)
class Kind:
    """An engine and its options.

    Args:
        name: as it is shown.
        format: of its file.
        options: of the engine.
        graph: which one it runs: plain, folded, or int8.
        lossy: whether it computes with fewer bits, and what is lost has to be measured.
    """

    name: str
    format: str
    options: dict[str, Any]
    graph: Literal["plain", "folded", "int8"] = "folded"
    lossy: bool = False


# In the order in which they are opened: torch to compare with, then those that win most often.
KINDS = (
    Kind("torch", "torch", {"layout": "contiguous_format"}, "plain"),
    Kind("ONNX Runtime", "onnx", {}),
    Kind("OpenVINO", "openvino", {}),
    Kind("ncnn", "ncnn", {}),
    Kind("torch, folded", "torch", {}),
    Kind("torch, channels last", "torch", {}, "plain"),
    Kind("torch.compile", "torch", {"compile": True}),
)
LOW_PRECISION = (
    Kind("ONNX Runtime, int8", "onnx", {}, "int8", lossy=True),
    Kind("OpenVINO, int8", "openvino", {}, "int8", lossy=True),
    Kind("OpenVINO, bf16", "openvino", {"INFERENCE_PRECISION_HINT": "bf16"}, lossy=True),
)


def cores() -> int:
    """Physical cores that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(usable or 1, psutil.cpu_count(logical=False) or usable or 1))


def settings(goal: Goal, count: int) -> list[tuple[int, int, int]]:
    """Threads, streams and batch to try on so many cores."""
    if goal != "throughput":
        return sorted({(count, 1, 1), (max(1, count // 2), 1, 1), (1, 1, 1)}, reverse=True)
    splits = {(count, 1), (max(1, count // 2), min(2, count)), (1, count)}
    return [(t, s, s * b) for t, s in sorted(splits, reverse=True) for b in BATCHES]


def title(kind: Kind, threads: int, streams: int, batch: int) -> str:
    """The name of an engine with its settings, where they are not the usual ones."""
    if (threads, streams, batch) == (cores(), 1, 1):
        return kind.name
    name = f"{kind.name}, {counted(threads, 'thread')}"
    name += f" x {streams} streams" if streams > 1 else ""
    return name + (f", batch {batch}" if batch > 1 else "")
