"""Charts of error against cost, and of depth against error."""

import warnings
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from canon.analysis.compare import NetworkSummary

INK, SOFT, ACCENT, SECOND = "#1c2330", "#98a2b3", "#2457c5", "#d9822b"


def svg(figure: Figure) -> str:
    """A figure as the text of an <svg> element; deterministic."""
    text = StringIO()
    with (
        mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "canon"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the browser has other fonts
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]


def literal(text: str) -> str:
    """A name for a chart, which would render text between dollar signs as mathematics."""
    printable = text.encode(errors="backslashreplace").decode()  # file names need not be UTF-8
    return printable.replace("$", r"\$")


# The winners of ILSVRC, and VGG, second in 2014: year, entry, layers, top-5 error on the test set,
# from the results pages of the challenge. He et al. plot the first seven. Two were no entries: one
# human annotator, on 1,500 images of the test set (Russakovsky et al., IJCV 2015, section 6.4), and
# Xception, one crop of the validation images (Chollet, CVPR 2017, Table 1).
DEPTH = (
    (2010, "NEC", None, 0.282),
    (2011, "Xerox", None, 0.258),
    (2012, "AlexNet", 8, 0.164),
    (2013, "Clarifai", 8, 0.117),
    (2014, "VGG", 19, 0.073),
    (2014, "GoogLeNet", 22, 0.067),
    (2014, "one human", None, 0.051),
    (2015, "ResNet", 152, 0.0357),
    (2016, "Trimps-Soushen", None, 0.0299),
    (2017, "Xception", 36, 0.055),
    (2017, "SENet", 154, 0.0225),
)
OUTSIDE = ("one human", "Xception")
OTHER = {"Trimps-Soushen": "five nets", "one human": "1,500 images"}  # in place of layers


def cost(rows: Sequence[NetworkSummary], benchmark: str) -> Figure:
    """Error against multiply-accumulates; the area of a circle is the number of parameters.

    Args:
        rows: networks of one benchmark.
        benchmark: its name, for the title.
    """
    error = _more_frequent(rows)
    shown = [row for row in rows if getattr(row, error) is not None]
    figure = Figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplots()
    x = [row.macs / 1e9 for row in shown]
    y = [100 * getattr(row, error) for row in shown]
    sizes = [max(12.0, row.params / 1e6 * 7) for row in shown]
    axes.scatter(x, y, s=sizes, color=ACCENT, alpha=0.28, edgecolor=ACCENT, linewidth=0.8)
    axes.scatter(x, y, s=6, color=INK)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.margins(0.08)
    figure.draw_without_rendering()  # fixes the axes, which the labels need
    _label(axes, list(zip(x, y, (row.name for row in shown), strict=True)))
    top = "top-1" if error == "top1" else "top-5"
    axes.set_xlabel("multiply-accumulates per image, billions", color=INK)
    axes.set_ylabel(f"{top} error, %", color=INK)
    name = Path(benchmark.partition(",")[0]).name  # of a run: the path of its data, and a split
    source = "" if name != benchmark else ", as each paper measured it"
    title = f"{literal(name)}: {top} error against cost{source}; area: parameters"
    axes.set_title(title, color=INK, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=SOFT, alpha=0.25, linewidth=0.6)
    return figure


def _more_frequent(rows: Sequence[NetworkSummary]) -> Literal["top1", "top5"]:
    """The error that most networks have."""
    counts = {error: sum(getattr(r, error) is not None for r in rows) for error in ("top1", "top5")}
    return "top1" if counts["top1"] >= counts["top5"] else "top5"


# Candidate offsets of a label from its point, in heights of the label; the nearest first.
OFFSETS = sorted(
    ((dx, dy) for dy in range(-9, 10) for dx in (1, -1, 5, -5, 10, -10) if dy or abs(dx) == 1),
    key=lambda offset: 3 * abs(offset[1]) + abs(offset[0]),
)
WIDTH, HEIGHT = 0.0080, 0.021  # of a letter at 7.5 points, as fractions of the axes


def _label(axes: Axes, points: list[tuple[float, float, str]]) -> None:
    """Place the labels next to their points without overlaps, where possible."""
    to_axes = axes.transData + axes.transAxes.inverted()
    positions = {name: to_axes.transform((x, y)) for x, y, name in points}
    taken = [(x - 0.006, y - 0.008, x + 0.006, y + 0.008) for x, y in positions.values()]
    for name, (x, y) in sorted(positions.items(), key=lambda item: -item[1][1]):
        boxes = [_box(name, x, y, *offset) for offset in OFFSETS]
        inside = [box for box in boxes if box[0] >= 0 and box[1] >= 0 and box[2] <= 1.06]
        free = (box for box in inside if not any(_overlap(box, other) for other in taken))
        box = next(free, boxes[0])
        taken.append(box)
        far = abs((box[1] + box[3]) / 2 - y) > HEIGHT or not -0.04 < box[0] - x < 0.04 > x - box[2]
        axes.annotate(
            literal(name), (x, y), (box[0], (box[1] + box[3]) / 2), fontsize=7.5, color=INK,
            va="center", xycoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.5} if far else None,
        )  # fmt: skip


Box = tuple[float, float, float, float]


def _box(name: str, x: float, y: float, dx: int, dy: int) -> Box:
    width = WIDTH * len(name)
    left = x + 0.012 * dx if dx > 0 else x + 0.012 * dx - width
    low = y + HEIGHT * (dy - 0.5)
    return left, low, left + width, low + HEIGHT


def _overlap(a: Box, b: Box) -> bool:
    disjoint = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    return not disjoint


def revolution_of_depth() -> Figure:
    """Top-5 error of the winners of ILSVRC as bars, and their number of layers."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots()
    positions = range(len(DEPTH))
    for x, (year, entry, layers, error) in zip(positions, DEPTH, strict=True):
        axes.bar(x, 100 * error, color=ACCENT if layers else SOFT, width=0.62,
                 hatch="//" if entry in OUTSIDE else None, edgecolor="white")  # fmt: skip
        axes.text(x, 100 * error + 0.4, f"{100 * error:.3g}", ha="center", color=INK)
        depth = f"{layers} layers" if layers else OTHER.get(entry, "shallow")
        axes.text(x, -1.1, f"{entry}\n{year}\n{depth}", ha="center", va="top", color=INK,
                  fontsize=8)  # fmt: skip
    axes.text(len(DEPTH) - 0.5, 9, "hatched: not an entry of the challenge", ha="right",
              color=SOFT, fontsize=9)  # fmt: skip
    depths = [
        (x, row[2]) for x, row in zip(positions, DEPTH, strict=True)
        if row[2] and row[1] not in OUTSIDE
    ]  # fmt: skip
    deep = axes.twinx()
    deep.plot(*zip(*depths, strict=True), color=SECOND, marker="o", linewidth=1.5)
    deep.set_ylabel("layers", color=SECOND)
    deep.set_ylim(0, 175)
    axes.set_xticks([])
    axes.set_ylabel("top-5 error on the test set, %", color=INK)
    axes.set_title("The revolution of depth: ILSVRC classification", color=INK, loc="left")
    for side in (axes, deep):
        side.spines[["top"]].set_visible(False)
    return figure
