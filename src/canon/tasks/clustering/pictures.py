"""Pictures of a clustering: the three embeddings, the phases of training, contact sheets."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image
from sklearn.manifold import TSNE

from canon.analysis.charts import ACCENT, INK, SECOND, SOFT
from canon.data import ImagePack
from canon.reports.thumbnails import to_8_bits
from canon.tasks.clustering.selection.number import Curve
from canon.tasks.clustering.starts import Floats, Ints

POINTS = 4000  # of an embedding, at most
SHEET, COLUMNS, CELL = 96, 12, 64  # images of a contact sheet, its columns, pixels per side at most


def planar(codes: Floats, seed: int) -> Floats:
    """Codes in the plane by t-SNE, as in Figure 17 of the course and in Aljalbout et al. 2018.

    Shape: (N, D) -> (N, 2)
    """
    if codes.shape[1] == 2 or len(codes) < 4:
        return np.pad(codes, ((0, 0), (0, 2)))[:, :2]
    method = TSNE(
        2, perplexity=min(30.0, (len(codes) - 1) / 3), init="pca", random_state=seed % 2**32
    )
    return np.asarray(method.fit_transform(codes.astype(np.float32)))


def embeddings(spaces: dict[str, Floats], colors: dict[str, Ints]) -> Figure:
    """One column for each space, one row for each coloring.

    Args:
        spaces: (M, 2) positions, by the title of the space.
        colors: (M,) numbers, by what they are: clusters, labels.
    """
    size = (3.3 * len(spaces), 3.4 * len(colors))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(colors), len(spaces), squeeze=False)
    palette = _palette(max(int(numbers.max(initial=0)) for numbers in colors.values()) + 1)
    for title, axes in zip(spaces, grid[0], strict=True):
        axes.set_title(title, fontsize=11, color=INK)
    for row, (kind, numbers) in zip(grid, colors.items(), strict=True):
        for axes, points in zip(row, spaces.values(), strict=True):
            axes.scatter(*points.T, c=palette[numbers], s=2.2, linewidths=0, rasterized=True)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color("#e4e7ec")
        row[0].set_ylabel(f"coloured by {kind}", fontsize=10, color=INK)
    return figure


def _palette(count: int) -> NDArray[np.float64]:
    """(count, 4) colours that differ as much as they can."""
    if count <= 20:
        name = "tab10" if count <= 10 else "tab20"
        return np.asarray(mpl.colormaps[name](np.arange(count)))
    return np.asarray(mpl.colormaps["gist_rainbow"](np.linspace(0, 1, count)))


def phases(lines: Sequence[dict[str, Any]]) -> list[Figure]:
    """The loss of each phase, and the share of labels that changed, epoch by epoch."""
    names = {
        "pretraining": "pre-training: squared error",
        "warming": "association of copies",
        "training": "clustering loss",
        "retraining": "clustering loss, from clusters found again",
    }
    figures = []
    for phase, title in names.items():
        of_phase = [line for line in lines if line["phase"] == phase]
        if not of_phase:
            continue
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        axes = figure.subplots()
        epochs = [line["epoch"] for line in of_phase]
        axes.plot(epochs, [line["loss"] for line in of_phase], color=ACCENT, marker=".")
        _label(axes, title)
        changed = [line.get("changed") for line in of_phase]
        if any(value is not None for value in changed):
            other = axes.twinx()
            shares = [np.nan if value is None else 100 * value for value in changed]
            other.plot(epochs, shares, color=SECOND, marker=".")
            other.set_ylabel("labels that changed, %", color=SECOND)
            other.spines[["top"]].set_visible(False)
        figures.append(figure)
    return figures


def modularity(curve: Curve) -> Figure:
    """The curve that the number of clusters is read from."""
    figure = Figure(figsize=(6.2, 3.1), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve.numbers, curve.modularity, color=ACCENT, marker=".")
    height = curve.modularity[curve.numbers.index(curve.chosen)]
    axes.plot([curve.chosen], [height], "o", color=SECOND, markersize=9)
    axes.annotate(f"{curve.chosen}", (curve.chosen, height), (0, -16), color=SECOND,
                  textcoords="offset points", ha="center")  # fmt: skip
    _label(axes, "modularity", "clusters")
    return figure


def _label(axes: Axes, title: str, over: str = "epoch") -> None:
    axes.set_xlabel(over, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(title, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=SOFT, alpha=0.25, linewidth=0.6)


def contact_sheet(pack: ImagePack, members: Ints, distances: Floats) -> Image.Image:
    """Images of a cluster, from the nearest to its centre to the farthest.

    Args:
        pack: all images.
        members: positions of those of the cluster.
        distances: (N,) of all images to the centre of their cluster.
    """
    ranked = members[np.argsort(distances[members], kind="stable")]
    if len(ranked) > SHEET:
        ranked = ranked[np.linspace(0, len(ranked) - 1, SHEET).round().astype(np.int64)]
    tiles = [_tile(pack, int(i)) for i in ranked]
    side = tiles[0].width if tiles else CELL
    rows = max(1, -(-len(tiles) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * (side + 2), rows * (side + 2)), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % COLUMNS * (side + 2) + 1, i // COLUMNS * (side + 2) + 1))
    return sheet


def _tile(pack: ImagePack, i: int) -> Image.Image:
    pixels = to_8_bits(pack.image(i))
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
    factor = max(1, CELL // image.width)
    if image.width > CELL:
        return image.resize((CELL, CELL), Image.Resampling.LANCZOS)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
