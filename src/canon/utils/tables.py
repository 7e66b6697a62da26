"""Numbers with names and units: what metrics and reports hand out, and how a person reads them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from typing import Any, Literal

from canon.errors import InputError

Unit = Literal["text", "count", "fraction", "nats", "number"]


@dataclass(frozen=True)
class Figure:
    """One number.

    Args:
        name: such as "top-1".
        value: in its unit; None where it cannot be computed.
        unit: `fraction` is in [0, 1] and shown in percent.
        interval: its 95 % confidence interval, in the same unit.
    """

    name: str
    value: float | None
    unit: Unit = "fraction"
    interval: tuple[float, float] | None = None

    def __str__(self) -> str:
        text = format_value(self.value, self.unit) or "undefined"
        if self.interval is None:
            return f"{self.name} {text}"
        low, high = (format_value(end, self.unit) for end in self.interval)
        return f"{self.name} {text} (95 % interval {low} to {high})"

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def counted(number: int, noun: str) -> str:
    """A number and its noun, such as "1 epoch" or "30 epochs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short_count(number: int, *, words: bool = False) -> str:
    """A number with three digits and a unit: 950, 12.3 K, 4.56 M, 1.2 G; or 4.56 million."""
    units = [(10**9, "billion", "G"), (10**6, "million", "M")]
    for size, word, letter in units if words else [*units, (10**3, "", "K")]:
        if number >= 0.9995 * size:
            return f"{number / size:.3g} {word if words else letter}"
    return f"{number:,}"


def duration(seconds: float) -> str:
    """A time in the units that a person reads, such as "40 s", "13 min" or "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def require_table_format(out: Path, formats: Sequence[str], instead: str) -> None:
    """Refuse a file that a table cannot be written to, before anything is computed.

    Args:
        out: the file.
        formats: the suffixes that it may have.
        instead: a file that needs no further package, for the advice.

    Raises:
        InputError: another suffix, or Parquet without pyarrow.
    """
    if out.suffix not in formats:
        raise InputError(f"--out is {out}; expected {', '.join(formats)}. Rename it.")
    if out.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise InputError(
            "pyarrow is not installed; expected it for Parquet. Run pip install pyarrow, or pass "
            f"--out {instead}."
        )


@dataclass(frozen=True)
class Column:
    """The name and the unit of a column."""

    name: str
    unit: Unit = "text"


@dataclass(frozen=True)
class Table:
    """Rows of values under named columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]

    @property
    def head(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def texts(self) -> list[list[str]]:
        """The rows as a person reads them."""
        units = [column.unit for column in self.columns]
        return [[format_value(*cell) for cell in zip(row, units, strict=True)] for row in self.rows]

    def records(self) -> list[dict[str, Any]]:
        """The rows as JSON objects; a value that is not a number is None."""
        return [dict(zip(self.head, map(plain, row), strict=True)) for row in self.rows]


def plain(value: Any) -> Any:
    """A value that JSON has: None for not-a-number."""
    return None if isinstance(value, float) and isnan(value) else value


def format_value(value: Any, unit: Unit = "text") -> str:
    """A value as a person reads it; nothing for None and for not-a-number."""
    if plain(value) is None:
        return ""
    match unit:
        case "count":
            return f"{value:,}"
        case "fraction":
            return f"{100 * value:.2f} %"
        case "nats" | "number":
            return f"{value:.4f}"
        case _:
            return str(value)
