"""Pictures of explanations: heat maps over images, grids of maps, filters and patches."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from canon.analysis.charts import INK, literal
from canon.data import Preprocessing
from canon.types import RawImages

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

GAP = 2  # pixels between the cells of a grid
LEAST = 224  # side of a picture that small images are enlarged to, pixels
STRENGTH = 0.6  # of the heat over the image


def seen(prep: Preprocessing, raw: RawImages) -> Bytes:
    """(n, H, W, 3) in 8 bits: stored pixels (n, h, w, C), already cropped, with the border."""
    shown = (raw.float() * (255 / prep.white)).round().to(torch.uint8).numpy()
    margins = ((0, 0), (prep.border,) * 2, (prep.border,) * 2, (0, 0))
    padded = np.pad(shown, margins, "edge")
    return np.ascontiguousarray(np.broadcast_to(padded, (*padded.shape[:3], 3)))


def heat_map(heat: Floats) -> Bytes:
    """Values (H, W) as colours: dark to light, or blue through white to red if some are negative.

    The ends of the scale are the largest size, less the largest hundredth of the values.
    """
    top = max(float(np.quantile(np.abs(heat), 0.99)), 1e-12)
    if (heat < 0).any():
        colors = mpl.colormaps["RdBu_r"](np.clip(heat / top, -1, 1) / 2 + 0.5)
    else:
        colors = mpl.colormaps["inferno"](np.clip(heat / top, 0, 1))
    return np.asarray((255 * colors[..., :3]).round(), np.uint8)


def overlaid(image: Bytes, heat: Floats) -> Bytes:
    """An image (H, W, 3) in grey under its heat map."""
    grey = image.mean(2, keepdims=True)
    return ((1 - STRENGTH) * grey + STRENGTH * heat_map(heat)).round().astype(np.uint8)


def projection(values: Floats, top: float | None = None) -> Bytes:
    """Values (H, W, C) of either sign around mid-grey, as (H, W, 3).

    Args:
        values: of each pixel and channel.
        top: the value that is white; None means the largest size, less the largest hundredth.
    """
    largest = float(np.quantile(np.abs(values), 0.99)) if top is None else top
    picture = np.clip(0.5 + values / (2 * max(largest, 1e-12)), 0, 1)
    return (255 * np.broadcast_to(picture, (*values.shape[:2], 3))).round().astype(np.uint8)


def grid(cells: Sequence[Bytes], columns: int, gap: int = GAP) -> Bytes:
    """Pictures (h, w, 3) of one size, row by row, on white."""
    height, width = cells[0].shape[:2]
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for i, cell in enumerate(cells):
        y, x = i // columns * (height + gap), i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = cell
    return sheet


def enlarged(picture: Bytes, least: int = LEAST) -> Bytes:
    """A picture whose shorter side has at least so many pixels, by whole factors."""
    factor = max(1, -(-least // min(picture.shape[:2])))
    return picture.repeat(factor, 0).repeat(factor, 1)


def panels(pictures: Sequence[Bytes], titles: Sequence[str], heading: str) -> Figure:
    """Pictures side by side with a title each, under a heading."""
    figure = Figure(figsize=(3.2 * len(pictures), 3.7), layout="constrained")
    axes = figure.subplots(1, len(pictures), squeeze=False)[0]
    for place, picture, title in zip(axes, pictures, titles, strict=True):
        place.imshow(enlarged(picture), interpolation="nearest")
        place.set_title(literal(title), fontsize=10, color=INK)
        place.set_axis_off()
    figure.suptitle(literal(heading), fontsize=11, color=INK)
    return figure


def maps_of_stages(
    maps: dict[str, Floats], image: Bytes, heading: str, columns: int = 8, rows: int = 2
) -> Figure:
    """The strongest maps of each stage, one row of the figure for each stage.

    Args:
        maps: (C, H, W) by stage.
        image: (H, W, 3).
        heading: above all.
        columns: of maps in a row.
        rows: of maps for each stage.
    """
    sheets, titles = [enlarged(image)], ["what the network sees"]
    for name, values in maps.items():
        sheet, channels = strongest_maps(values, columns * rows, columns)
        sheets.append(sheet)
        shown = "" if len(channels) == len(values) else f", the {len(channels)} strongest"
        size = f"{values.shape[1]} x {values.shape[2]}"
        titles.append(f"{name}: {len(values)} maps of {size}{shown}")
    heights = [2.0] + [min(9 * sheet.shape[0] / sheet.shape[1], 4.5) for sheet in sheets[1:]]
    figure = Figure(figsize=(9, sum(heights) + 0.35 * len(sheets) + 0.4), layout="constrained")
    axes = figure.subplots(len(sheets), 1, squeeze=False, height_ratios=heights)[:, 0]
    for place, sheet, title in zip(axes, sheets, titles, strict=True):
        place.imshow(sheet, interpolation="nearest")
        place.set_title(literal(title), fontsize=9, color=INK)
        place.set_axis_off()
    figure.suptitle(literal(heading), fontsize=11, color=INK)
    return figure


def strongest_maps(values: Floats, count: int, columns: int) -> tuple[Bytes, list[int]]:
    """The maps (C, H, W) with the largest values, as a grid, and their channels in its order."""
    order = np.argsort(-values.reshape(len(values), -1).max(1))[:count]
    channels = sorted(order.tolist())
    return grid([enlarged(_grey(values[i]), 64) for i in channels], columns), channels


def _grey(values: Floats) -> Bytes:
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-12)
    return np.repeat((255 * scaled).round().astype(np.uint8)[..., None], 3, 2)


def filter_sheet(weights: Floats, side: int = 48) -> Bytes:
    """Filters (K, C, h, w) as a grid; zero is mid-grey, the largest weight of each black or white.

    Filters of three channels are in colour, one cell each; of others, each has a row of its
    channels.

    Args:
        weights: of a convolution.
        side: of a cell in pixels, at least.
    """
    largest = np.abs(weights).reshape(len(weights), -1).max(1).clip(1e-12)
    scaled = 0.5 + 0.5 * weights / largest[:, None, None, None]
    values = (255 * scaled).round().astype(np.uint8)
    channels = weights.shape[1]
    if channels == 3:
        cells = list(values.transpose(0, 2, 3, 1))
    else:
        cells = [np.repeat(one[..., None], 3, 2) for one in values.reshape(-1, *values.shape[2:])]
    columns = channels if channels not in (1, 3) else int(np.ceil(np.sqrt(len(cells))))
    return grid([enlarged(cell, side) for cell in cells], columns)
