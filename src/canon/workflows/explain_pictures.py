"""Pictures of explanations, each with the name of its file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from canon.analysis.charts import INK, literal
from canon.interpret import pictures
from canon.workflows.explain import Explanation
from canon.workflows.explain_inputs import Bytes, Floats
from canon.workflows.explain_network import ChannelPatches

Named = tuple[str, Figure]
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
