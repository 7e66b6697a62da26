"""Training curves and confusion matrices of a report, as SVG."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from canon.analysis.charts import ACCENT, INK, SECOND, SOFT, literal


def curves(lines: Sequence[dict[str, Any]], split: str) -> tuple[Figure, Figure]:
    """Training and validation loss, and the monitored figure, epoch by epoch: two pictures.

    Args:
        lines: of metrics.jsonl.
        split: that was evaluated after each epoch.
    """
    left, other = (Figure(figsize=(4.6, 3.1), layout="constrained") for _ in range(2))
    losses, right = left.subplots(), other.subplots()
    epochs = [line["epoch"] for line in lines]
    train = [line["loss"] for line in lines]
    losses.plot(epochs, train, color=ACCENT, marker=".", label="train, augmented")
    evaluated = [line for line in lines if "metrics" in line]
    at = [line["epoch"] for line in evaluated]
    name = "error"
    if evaluated:
        values = [line["metrics"]["loss"] for line in evaluated]
        losses.plot(at, values, color=SECOND, marker=".", label=split)
        name = _monitored(right, at, [line["monitored"] for line in evaluated], split)
    else:
        right.text(0.5, 0.5, "no split was evaluated after each epoch", ha="center", color=SOFT)
    _log_if(losses, min(train) > 0)
    _label(losses, "epoch", "training and validation loss")
    _label(right, "epoch", name)
    return left, other


def _monitored(axes: Axes, at: list[int], figures: list[dict[str, Any]], split: str) -> str:
    """Draw the monitored figure with its interval; return the name of its axis."""
    share = figures[0]["unit"] == "fraction"
    scale = 100 if share else 1
    values = [np.nan if one["value"] is None else scale * one["value"] for one in figures]
    axes.plot(at, values, color=SECOND, marker=".", label=split)
    lows = values
    if all(one["interval"] for one in figures):
        lows = [scale * one["interval"][0] for one in figures]
        highs = [scale * one["interval"][1] for one in figures]
        axes.fill_between(at, lows, highs, color=SECOND, alpha=0.15, linewidth=0, label="95 %")
    name = str(figures[0]["name"])
    if name == "error":
        _log_if(axes, min(lows) > 0)
    return f"{name}, %" if share else name


def confusion(counts: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """The confusion matrix, each row as shares of its true class, with counts where they fit."""
    many = len(classes)
    size = min(11.0, 1.4 + 0.36 * many)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    # A power brings out the few mistakes of a good network.
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.4, 0, 1))
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true", color=INK)
    if many <= 40:
        names = [literal(name) for name in classes]
        axes.set_xticks(range(many), names, rotation=90 if max(map(len, classes)) > 2 else 0)
        axes.set_yticks(range(many), names)
    largest = counts.max() > 999  # counts that do not fit into their cells are shown as shares
    if many <= 20:
        for true, predicted in np.argwhere(counts):
            color = "white" if shares[true, predicted] > 0.2 else INK
            share = f"{100 * shares[true, predicted]:.0f} %" if largest else ""
            label = axes.text(predicted, true, share or str(counts[true, predicted]), color=color)
            label.set(ha="center", va="center", fontsize=9)
    axes.tick_params(length=0, labelsize=9)
    axes.spines[:].set_visible(False)
    return figure


def _log_if(axes: Axes, positive: bool) -> None:
    if positive:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=SOFT, alpha=0.25, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)


def bars(labels: Sequence[str], values: Sequence[float], title: str) -> Figure:
    """A horizontal bar for each label, in their order from above."""
    figure = Figure(figsize=(6.4, 0.3 * len(labels) + 0.7), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(range(len(labels)), values, color=ACCENT, height=0.6)
    axes.bar_label(drawn, [f" {value:.3g}" for value in values], color=INK, fontsize=8)
    axes.set_yticks(range(len(labels)), [literal(label) for label in labels])
    axes.invert_yaxis()
    axes.set_xlabel(title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
