"""Charts of error against cost, and of depth against error."""

from collections.abc import Sequence
from io import StringIO
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from canon.analysis.compare import NetworkSummary

INK, SOFT, ACCENT, SECOND = "#1c2330", "#98a2b3", "#2457c5", "#d9822b"


def svg(figure: Figure) -> str:
    """A figure as the text of an <svg> element, the same for the same figure."""
    text = StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "canon"}):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]


# The winners of ILSVRC, and VGG, the second of 2014: year, entry, layers, top-5 error on the test
# set. The results pages of the contest hold them all; He et al. made a chart of the first seven.
DEPTH = (
    (2010, "NEC", None, 0.282),
    (2011, "Xerox", None, 0.258),
    (2012, "AlexNet", 8, 0.164),
    (2013, "Clarifai", 8, 0.117),
    (2014, "VGG", 19, 0.073),
    (2014, "GoogLeNet", 22, 0.067),
    (2015, "ResNet", 152, 0.0357),
    (2016, "Trimps-Soushen", None, 0.0299),
    (2017, "SENet", 154, 0.0225),
)


def cost(rows: Sequence[NetworkSummary], scale: str) -> Figure:
    """Error against multiplications, circles as large as the parameters.

    Args:
        rows: networks measured on the same images.
        scale: what they were measured on.
    """
    kind = _kind(rows)
    shown = [row for row in rows if getattr(row, kind) is not None]
    figure = Figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplots()
    x = [row.macs / 1e9 for row in shown]
    y = [100 * getattr(row, kind) for row in shown]
    sizes = [max(12.0, row.params / 1e6 * 7) for row in shown]
    axes.scatter(x, y, s=sizes, color=ACCENT, alpha=0.28, edgecolor=ACCENT, linewidth=0.8)
    axes.scatter(x, y, s=6, color=INK)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.margins(0.08)
    figure.draw_without_rendering()  # the scales are known from here on
    _name(axes, list(zip(x, y, (row.name for row in shown), strict=True)))
    top = "top-1" if kind == "top1" else "top-5"
    axes.set_xlabel("multiply-accumulates of one image, billions", color=INK)
    axes.set_ylabel(f"{top} error, %", color=INK)
    title = f"{scale}: {top} error against cost, as each paper measured it; area is parameters"
    axes.set_title(title, color=INK, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=SOFT, alpha=0.25, linewidth=0.6)
    return figure


def _kind(rows: Sequence[NetworkSummary]) -> Literal["top1", "top5"]:
    """The error that more of the networks have."""
    counts = {kind: sum(getattr(r, kind) is not None for r in rows) for kind in ("top1", "top5")}
    return "top1" if counts["top1"] >= counts["top5"] else "top5"


# Where a name may stand beside its point, in steps of its own height: near places first.
PLACES = sorted(
    ((dx, dy) for dy in range(-9, 10) for dx in (1, -1, 5, -5, 10, -10) if dy or abs(dx) == 1),
    key=lambda place: 3 * abs(place[1]) + abs(place[0]),
)
WIDE, HIGH = 0.0080, 0.021  # of a letter at 7.5 points, as fractions of the axes


def _name(axes: Axes, points: list[tuple[float, float, str]]) -> None:
    """Write each name at the nearest place beside its point where no other name stands."""
    to_axes = axes.transData + axes.transAxes.inverted()
    spots = {name: to_axes.transform((x, y)) for x, y, name in points}
    taken = [(x - 0.006, y - 0.008, x + 0.006, y + 0.008) for x, y in spots.values()]
    for name, (x, y) in sorted(spots.items(), key=lambda spot: -spot[1][1]):
        boxes = [_box(name, x, y, *place) for place in PLACES]
        inside = [box for box in boxes if box[0] >= 0 and box[1] >= 0 and box[2] <= 1.06]
        free = (box for box in inside if not any(_meet(box, other) for other in taken))
        box = next(free, boxes[0])
        taken.append(box)
        far = abs((box[1] + box[3]) / 2 - y) > HIGH or not -0.04 < box[0] - x < 0.04 > x - box[2]
        axes.annotate(
            name, (x, y), (box[0], (box[1] + box[3]) / 2), fontsize=7.5, color=INK, va="center",
            xycoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.5} if far else None,
        )  # fmt: skip


Box = tuple[float, float, float, float]


def _box(name: str, x: float, y: float, dx: int, dy: int) -> Box:
    width = WIDE * len(name)
    left = x + 0.012 * dx if dx > 0 else x + 0.012 * dx - width
    low = y + HIGH * (dy - 0.5)
    return left, low, left + width, low + HIGH


def _meet(one: Box, other: Box) -> bool:
    apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    return not apart


def revolution_of_depth() -> Figure:
    """Top-5 error of the winners of ILSVRC as bars, with their layers."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots()
    places = range(len(DEPTH))
    for place, (year, entry, layers, error) in zip(places, DEPTH, strict=True):
        axes.bar(place, 100 * error, color=ACCENT if layers else SOFT, width=0.62)
        axes.text(place, 100 * error + 0.4, f"{100 * error:.3g}", ha="center", color=INK)
        told = f"{layers} layers" if layers else "shallow" if year < 2012 else "five nets"
        axes.text(place, -1.1, f"{entry}\n{year}\n{told}", ha="center", va="top", color=INK,
                  fontsize=9)  # fmt: skip
    depths = [(place, row[2]) for place, row in zip(places, DEPTH, strict=True) if row[2]]
    deep = axes.twinx()
    deep.plot(*zip(*depths, strict=True), color=SECOND, marker="o", linewidth=1.5)
    deep.set_ylabel("layers", color=SECOND)
    deep.set_ylim(0, 175)
    axes.set_xticks([])
    axes.set_ylabel("top-5 error on the test set, %", color=INK)
    axes.set_title("The revolution of depth: ILSVRC classification", color=INK, loc="left")
    for one in (axes, deep):
        one.spines[["top"]].set_visible(False)
    return figure
