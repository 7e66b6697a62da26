"""Training curves and confusion matrices of a report, as SVG."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from canon.analysis.charts import ACCENT, INK, SECOND, SOFT


def curves(metrics: Sequence[dict[str, Any]], monitored: str) -> Figure:
    """Loss and monitored error, epoch by epoch."""
    figure = Figure(figsize=(9.2, 3.1), layout="constrained")
    losses, errors = figure.subplots(1, 2)
    epochs = [line["epoch"] for line in metrics]
    losses.plot(
        epochs,
        [line["loss"] for line in metrics],
        color=ACCENT,
        marker=".",
        label="train, as augmented",
    )
    scored = [line for line in metrics if "scores" in line]
    at = [line["epoch"] for line in scored]
    if scored:
        values = [line["scores"]["loss"] for line in scored]
        losses.plot(at, values, color=SECOND, marker=".", label=monitored)
        _errors(errors, at, [line["scores"] for line in scored], monitored)
    else:
        errors.text(0.5, 0.5, "no split was monitored", ha="center", color=SOFT)
    _log_if(losses, min(line["loss"] for line in metrics) > 0)
    _labelled(losses, "epoch", "loss, nats")
    _labelled(errors, "epoch", "error, %")
    return figure


def _errors(axes: Axes, at: list[int], scores: list[dict[str, Any]], monitored: str) -> None:
    """What is left of 100 %: of top-1 with its interval, or of the mean IoU."""
    if "mean_iou" in scores[0]:
        wrong = [100 * (1 - one["mean_iou"]) for one in scores]
        axes.plot(at, wrong, color=SECOND, marker=".", label=f"{monitored}, 1 - mean IoU")
        _log_if(axes, min(wrong) > 0)
        return
    wrong = [100 * (1 - one["top1"]) for one in scores]
    low = [100 * (1 - one["top1_interval"][1]) for one in scores]
    high = [100 * (1 - one["top1_interval"][0]) for one in scores]
    axes.plot(at, wrong, color=SECOND, marker=".", label=f"{monitored}, top-1")
    axes.fill_between(at, low, high, color=SECOND, alpha=0.15, linewidth=0, label="95 %")
    _log_if(axes, min(low) > 0)


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
        axes.set_xticks(range(many), classes, rotation=90 if max(map(len, classes)) > 2 else 0)
        axes.set_yticks(range(many), classes)
    if many <= 20:
        for true, predicted in np.argwhere(counts):
            colour = "white" if shares[true, predicted] > 0.2 else INK
            label = axes.text(predicted, true, str(counts[true, predicted]), color=colour)
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


def _labelled(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=SOFT, alpha=0.25, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)
