"""The engines that are tried for a network, their settings, and what was measured of them."""

import os
from dataclasses import dataclass
from typing import Any, Literal, Self

import psutil

from canon.deploy.race import Entrant
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
    """

    name: str
    format: str
    options: dict[str, Any]
    graph: Literal["plain", "folded", "int8"] = "folded"


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
INT8 = (
    Kind("ONNX Runtime, int8", "onnx", {}, "int8"),
    Kind("OpenVINO, int8", "openvino", {}, "int8"),
)


@dataclass(frozen=True)
class Result:
    """What was measured of an engine.

    Args:
        kind: of the engine.
        name: of the engine with its settings.
        threads: of a run.
        streams: runs at a time.
        batch: samples in a run of all streams.
        seconds: median of a sample; None if it was not measured.
        low: lower quartile of the seconds.
        high: upper quartile of the seconds.
        memory: the most bytes that its process has taken.
        reason: why it was left out.
        lost: of int8: how much the metric falls, a fraction; None if it was not measured.
        interval: of that loss, 95 %.
    """

    kind: str
    name: str
    threads: int
    streams: int
    batch: int
    seconds: float | None
    low: float | None = None
    high: float | None = None
    memory: int = 0
    reason: str | None = None
    lost: float | None = None
    interval: tuple[float, float] | None = None

    @classmethod
    def of(cls, one: Entrant) -> Self:
        """What a race has measured of an entrant."""
        spec, measured = one.spec, bool(one.runs) and one.fault is None
        low, high = one.spread if measured else (None, None)
        seconds = one.median if measured else None
        return cls(one.kind, one.name, spec.threads, spec.streams, one.batch, seconds, low, high,
                   one.memory, one.fault)  # fmt: skip


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
