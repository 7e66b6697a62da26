"""From edges to parts: what channels respond to, stage by stage, on a trained network."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from canon.analysis.charts import INK
from canon.interpret.filters import filters
from canon.interpret.outputs import stage_outputs
from canon.interpret.pictures import enlarged, filter_sheet, grid
from canon.interpret.top_patches import cropped, top_patches
from canon.layers.stages import features_of
from canon.reproduce.charts import images
from canon.reproduce.result import Picture, Result, Row, Scale, Work
from canon.reproduce.training.curves import TrainedClassifier, settings, train_classifier
from canon.runs.config import TrainConfig

CHANNELS, LOOKED_AT = 8, 2000  # channels that are shown, images that patches are cut from


def config(scale: Scale) -> TrainConfig:
    """What is trained."""
    if scale == "full":
        return settings("resnet20", "cifar10", recipe="paper", device="auto")
    return settings("lenet5-modern", "digits", epochs=8)


def run(work: Work) -> Result:
    """Train, and look for the strongest patches of each stage."""
    model = train_classifier(config(work.scale), work)
    net, x = model.net.cpu(), model.images["train"][:LOOKED_AT]
    labels = model.labels["train"][:LOOKED_AT]
    maps = {n: y for n, y in stage_outputs(net, x).items() if y.dim() == 4}
    stages = [n for n, _ in features_of(net).named_children() if n in maps]
    rows, shares, sides = [], [], []
    for done, stage in enumerate(stages, 1):
        share, side = selectivity(maps[stage], labels), _field(model, stage)
        rows += [Row(f"{stage}: receptive field, pixels", side),
                 Row(f"{stage}: share of variance that classes explain, %", 100 * share)]  # fmt: skip
        shares.append(share)
        sides.append(side)
        work.watch("measuring stages", done, len(stages))
    pictures = [
        Picture("Strongest patches of 8 channels of each stage", _patches(model, x, stages))
    ]
    weights = filters(net).numpy()
    if weights.shape[1] in (1, 3):
        pictures.insert(0, Picture("Filters of the first convolution", images(
            [("filters", filter_sheet(weights))], 1, cell=3.0)))  # fmt: skip
    rising = shares[-1] > shares[0] and sides == sorted(sides)
    conclusion = (
        f"Receptive fields grow from {sides[0]} to {sides[-1]} pixels. Classes explain "
        f"{100 * shares[0]:.0f} % of the variance of the first stage's channels and "
        f"{100 * shares[-1]:.0f} % of the last: channels "
        f"{'become more specific with depth' if rising else 'do NOT become more specific'}."
    )
    conditions = (
        f"{model.run.model} on {model.run.record.data.source}, test error "
        f"{100 * next(e for n, e in model.errors.items() if n != 'train')[-1]:.2f} %, seed "
        f"{model.seed}"
    )
    return Result(tuple(rows), tuple(pictures), conclusion, conditions)


def selectivity(maps: Tensor, labels: Tensor) -> float:
    """Share of the variance of a channel's mean that lies between classes, averaged over channels.

    Args:
        maps: (N, C, H, W) of a stage.
        labels: (N,).
    """
    values = maps.mean((2, 3)).double()
    total = ((values - values.mean(0)) ** 2).sum(0)
    between = torch.zeros_like(total)
    for label in labels.unique():
        own = values[labels == label]
        between += len(own) * (own.mean(0) - values.mean(0)) ** 2
    alive = total > 1e-12
    return float((between[alive] / total[alive]).mean())


def _field(model: TrainedClassifier, stage: str) -> int:
    field = top_patches(model.net, [model.images["train"][:1]], stage, 1).field
    side = model.images["train"].shape[-1]
    return side if field.whole else min(side, field.height.size)


def _patches(model: TrainedClassifier, x: Tensor, stages: list[str]) -> Figure:
    """A row for each stage: the nine strongest patches of its first channels."""
    shown = _grey_or_color(x)
    figure = Figure(figsize=(9, 1.35 * len(stages) + 0.2), layout="constrained")
    for axes, stage in zip(
        figure.subplots(len(stages), 1, squeeze=False)[:, 0], stages, strict=True
    ):
        found = top_patches(model.net, x.split(500), stage)
        sheets = []
        for channel in range(min(CHANNELS, len(found.values))):
            crops = [cropped(shown[i], found.box(channel, n), 1.0)
                     for n, i in enumerate(found.images[channel].tolist())]  # fmt: skip
            cells = [(255 * crop.permute(1, 2, 0).numpy()).astype(np.uint8) for crop in crops]
            sheets.append(grid([enlarged(cell, 40) for cell in cells], 3))
        least = min(sheet.shape[0] for sheet in sheets)
        axes.imshow(grid([sheet[:least, :least] for sheet in sheets], CHANNELS, gap=8))
        axes.set_title(stage, loc="left", fontsize=9, color=INK)
        axes.set_axis_off()
    return figure


def _grey_or_color(x: Tensor) -> Tensor:
    """Images scaled to [0, 1], (N, 3, H, W)."""
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return ((x - low) / (high - low).clamp_min(1e-6)).expand(-1, 3, -1, -1)
