"""Charts and panels that several figures use."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from canon.analysis.charts import ACCENT, INK, SOFT

Array = NDArray[np.floating] | NDArray[np.integer]


def bars(names: Sequence[str], values: Sequence[float], label: str) -> Figure:
    """Horizontal bars with their values."""
    figure = Figure(figsize=(7.5, 0.5 * len(names) + 0.9), layout="constrained")
    axes = figure.subplots()
    positions = range(len(names))[::-1]
    axes.barh(positions, values, color=ACCENT, height=0.6)
    for y, value in zip(positions, values, strict=True):
        axes.text(value, y, f" {value:,.4g}", va="center", color=INK, fontsize=9)
    axes.set_yticks(positions, names)
    axes.set_xlim(0, 1.18 * max(values))
    tidy(axes, label, "")
    return figure


def tidy(axes: Axes, x: str, y: str) -> None:
    """Labels, and no more lines than needed."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=SOFT, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def matrices(named: Sequence[tuple[str, Array]], width: float = 8.5) -> Figure:
    """Matrices of numbers side by side, each cell with its value."""
    figure = Figure(figsize=(width, width / len(named) + 0.35), layout="constrained")
    places = figure.subplots(1, len(named), squeeze=False)[0]
    for axes, (title, values) in zip(places, named, strict=True):
        axes.imshow(values, cmap="Blues", vmin=min(0, values.min()), vmax=2 * values.max() + 1e-9)
        if values.size <= 100:
            for (row, column), value in np.ndenumerate(values):
                axes.text(column, row, f"{value:.3g}", ha="center", va="center", color=INK)
        axes.set_title(title, fontsize=10, color=INK)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def images(named: Sequence[tuple[str, Array]], columns: int, cell: float = 2.4) -> Figure:
    """Pictures (H, W) or (H, W, 3) in a grid, each with its title."""
    rows = -(-len(named) // columns)
    figure = Figure(figsize=(cell * columns, (cell + 0.3) * rows + 0.2), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in places:
        axes.set_axis_off()
    for axes, (title, picture) in zip(places, named, strict=False):
        axes.imshow(picture, cmap="gray", interpolation="nearest")
        axes.set_title(title, fontsize=9, color=INK)
    return figure
