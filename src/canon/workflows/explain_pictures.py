"""Pictures of explanations, each with the name of its file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from canon.analysis.charts import ACCENT, INK, SECOND, SOFT, literal
from canon.interpret import pictures
from canon.interpret.signal import LayerSignal
from canon.workflows.explain import Explanation
from canon.workflows.explain_inputs import Bytes, Floats
from canon.workflows.explain_network import ChannelPatches

Named = tuple[str, Figure]
Signals = dict[str, tuple[LayerSignal, ...]]  # by a name for the legend
CELL = 56  # side of a patch in pixels, at least
IN_WORDS = {
    "cam": "CAM", "grad-cam": "Grad-CAM", "layer-cam": "LayerCAM", "occlusion": "occlusion",
    "saliency": "saliency", "integrated-gradients": "integrated gradients",
    "guided-backprop": "guided backpropagation", "deconvnet": "deconvnet",
}  # fmt: skip


def explanation(one: Explanation) -> Figure:
    """The image, and what speaks for its class."""
    title = IN_WORDS[one.method] + (f" at {one.stage}" if one.stage else "")
    if one.values.ndim == 3:
        shown, titles = [pictures.projection(one.values)], [title]
    else:
        shown = [pictures.heat_map(one.values), pictures.overlaid(one.image, one.values)]
        titles = [title, "over the image"]
    heading = f"{one.path.name}: {one.name}, {100 * one.score:.1f} %"
    return pictures.panels([one.image, *shown], ["what the network sees", *titles], heading)


def feature_maps(path: Path, image: Bytes, maps: dict[str, Floats]) -> Figure:
    """The strongest maps of each stage."""
    return pictures.maps_of_stages(maps, image, f"feature maps of {path.name}")


def filters(title: str, weights: Floats) -> Named:
    """Filters as a grid."""
    count, channels, height, width = weights.shape
    heading = f"{title}: {count} of {height} x {width} pixels and {channels} channels"
    return title, _sheet(pictures.filter_sheet(weights), heading)


def patches(stage: str, several: Sequence[ChannelPatches]) -> Named:
    """Nine patches of each channel, 3 by 3, with their projections on the right."""
    figure, axes = _places(len(several), 3.4, 1.95, above=0.5)
    for place, one in zip(axes, several, strict=False):
        crops = [pictures.enlarged(crop, CELL) for crop in one.crops]
        top = max(float(np.abs(part).max()) for part in one.projections)
        back = [pictures.enlarged(pictures.projection(p, top), CELL) for p in one.projections]
        pair = [pictures.grid(crops, 3), pictures.grid(back, 3)]
        place.imshow(pictures.grid(pair, 2, gap=8), interpolation="nearest")
        place.set_title(f"channel {one.channel}", fontsize=9, color=INK)
    figure.suptitle(f"strongest patches of {stage}, and what of them excites it", color=INK)
    return f"patches-{stage}", figure


def maximised(title: str, found: dict[str, Bytes]) -> Named:
    """The images that channels respond to most."""
    figure, axes = _places(len(found), 2.3, 2.5)
    for place, (name, picture) in zip(axes, found.items(), strict=False):
        place.imshow(pictures.enlarged(picture), interpolation="nearest")
        place.set_title(literal(name), fontsize=10, color=INK)
    return title, figure


def signals_by_layer(signals: Signals) -> Figure:
    """The size of gradients (left) and of activations (right) by layer, logarithmic.

    Names that begin with `plain` are dashed, and have the colour of the same depth.
    """
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    colors = dict(zip(signals, _colors(list(signals)), strict=True))
    for axes, field, title in zip(
        figure.subplots(1, 2), ("gradient", "activation"),
        ("gradient with respect to the output", "output"), strict=True,
    ):  # fmt: skip
        for name, found in signals.items():
            values = [getattr(one, field) for one in found]
            axes.plot(range(1, len(values) + 1), values, color=colors[name], label=name,
                      linestyle="--" if name.startswith("plain") else "-")  # fmt: skip
        axes.set_yscale("log")
        axes.set_title(f"root mean square of the {title}", fontsize=10, color=INK, loc="left")
        axes.set_xlabel("layer", color=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=SOFT, alpha=0.25, linewidth=0.6)
        axes.legend(frameon=False, fontsize=8)
    return figure


def _colors(names: Sequence[str]) -> list[str]:
    """One for each depth, or for each name that has none."""
    palette = ["#8fa9dd", SECOND, ACCENT, "#12306f", "#7a3e0c"]
    depths = [name.removeprefix("plain").removeprefix("resnet") for name in names]
    different = [*dict.fromkeys(depths)]
    return [palette[different.index(depth) % len(palette)] for depth in depths]


def _places(
    count: int, width: float, height: float, above: float = 0.0
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with four places in a row, each of that size in inches."""
    columns = min(4, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows + above), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for place in axes:
        place.set_axis_off()
    return figure, axes


def _sheet(picture: Bytes, heading: str) -> Figure:
    height, width = picture.shape[:2]
    figure = Figure(figsize=(7, 7 * min(3, height / width) + 0.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(literal(heading), fontsize=10, color=INK)
    return figure
