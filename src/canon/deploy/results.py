"""What was measured of engines, as records and as a table."""

from dataclasses import dataclass
from typing import Self

from canon.deploy.race import Entrant
from canon.utils.tables import Column, Table


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
        lost: with low precision: how much the metric falls, a fraction; None if not measured.
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


def engine_table(results: tuple[Result, ...], goal: str) -> Table:
    """What was measured, the chosen engine first."""
    unit = "images/s" if goal == "throughput" else "ms"
    names = ("engine", unit, "quartiles", "times torch", "MiB", "points lost")
    eager = next((one.seconds for one in results if one.kind == "torch"), None)
    rows = tuple(_row(one, eager, goal) for one in results if one.seconds is not None)
    return Table(tuple(map(Column, names)), rows)


def _row(one: Result, eager: float | None, goal: str) -> tuple[str, ...]:
    assert one.seconds is not None
    assert one.low is not None
    assert one.high is not None
    if goal == "throughput":
        figures = f"{1 / one.seconds:.1f}", f"{1 / one.high:.1f} to {1 / one.low:.1f}"
    else:
        figures = f"{1e3 * one.seconds:.2f}", f"{1e3 * one.low:.2f} to {1e3 * one.high:.2f}"
    lost = "" if one.lost is None else f"{100 * one.lost:.2f}"
    if one.interval is not None:
        lost += f" ({100 * one.interval[0]:.2f} to {100 * one.interval[1]:.2f})"
    ratio = f"{eager / one.seconds:.2f}" if eager else ""
    return one.name, *figures, ratio, f"{one.memory / 2**20:,.0f}", lost


def left_out(results: tuple[Result, ...]) -> list[str]:
    """The engines that were not measured, with the reasons."""
    return [f"{one.name}: {one.reason}" for one in results if one.reason is not None]
