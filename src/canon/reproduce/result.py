"""What an experiment gives: numbers with the published ones, pictures, and a conclusion."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any, Literal

from matplotlib.figure import Figure

Scale = Literal["small", "full"]
Watch = Callable[[str, int, int], None]  # what is being done, how much of it is, how much there is


@dataclass(frozen=True)
class Work:
    """How a figure is run.

    Args:
        scale: small, or full: that of the paper.
        watch: called with the progress.
        folder: where the runs of the full scale are; interrupted ones are resumed from there. None
            keeps none.
    """

    scale: Scale = "small"
    watch: Watch = lambda *_: None
    folder: Path | None = None

    @property
    def runs(self) -> Path | None:
        """The folder of runs that are worth resuming."""
        return self.folder / "runs" if self.folder and self.scale == "full" else None


Number = float | int | str | tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One number.

    Args:
        name: what it is, with its unit.
        found: what was computed or measured here.
        published: what the source prints; None if it prints nothing.
        source: of the published number.
        within: largest difference that its printed digits allow.
        expected: whether that number is not printed by a source, but follows from arithmetic or
            comes from another implementation, which the source names.
    """

    name: str
    found: Number
    published: Number | None = None
    source: str = ""
    within: float = 0.0
    expected: bool = False

    @property
    def equal(self) -> bool | None:
        """Whether both agree to the printed digits; None if nothing was published."""
        if self.published is None:
            return None
        if isinstance(self.published, (int, float)) and isinstance(self.found, (int, float)):
            return isclose(self.found, self.published, abs_tol=self.within, rel_tol=1e-9)
        return self.found == self.published

    @property
    def difference(self) -> str:
        """How far the number is off: "equal", or the difference with its share in percent."""
        if self.equal is None:
            return ""
        if self.equal:
            return "equal"
        if not isinstance(self.published, (int, float)) or not isinstance(self.found, (int, float)):
            return "differs"
        by = self.found - self.published
        share = f" ({100 * by / abs(self.published):+.1f} %)" if self.published else ""
        return f"{by:+,.4g}{share}"

    def texts(self) -> tuple[str, str, str, str, str]:
        """Name, found, published, difference and source, as a person reads them."""
        published = "" if self.published is None else in_words(self.published)
        published += " (expected)" if self.expected else ""
        return self.name, in_words(self.found), published, self.difference, self.source

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"name": self.name, "found": self.found, "published": self.published,
                "expected": self.expected, "difference": self.difference, "source": self.source}  # fmt: skip


HEAD = ("quantity", "found", "published", "difference", "source")


def in_words(value: Number) -> str:
    """A number or a size as a person reads it."""
    if isinstance(value, tuple):
        return " x ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else value


@dataclass(frozen=True)
class Picture:
    """One picture.

    Args:
        title: what it shows, in a line.
        drawing: a figure, or the text of an SVG.
    """

    title: str
    drawing: Figure | str


@dataclass(frozen=True)
class Result:
    """What came out.

    Args:
        rows: numbers.
        pictures: of them.
        conclusion: whether the claim holds here, in one to three sentences.
        conditions: data, seeds, epochs: what the numbers were measured on.
    """

    rows: tuple[Row, ...]
    pictures: tuple[Picture, ...]
    conclusion: str
    conditions: str = ""


def agreement(rows: tuple[Row, ...]) -> str:
    """How many of the published numbers were found, and which were not."""
    compared = [row for row in rows if row.equal is not None]
    off = [f"{row.name} ({row.difference})" for row in compared if not row.equal]
    published = [row for row in compared if not row.expected]
    found, total = sum(bool(row.equal) for row in published), len(published)
    if found < total:
        text = f"{found} of {total} published numbers are reproduced."
    elif total:
        text = "The published number is reproduced."
        if total > 1:
            text = f"All {total} published numbers are reproduced."
    else:
        text = "" if off else "All expected values are found."
    return f"{text} Different: {', '.join(off)}.".strip() if off else text
