"""A generator draws chairs from attributes, and chairs between two that it has learned."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from torch import nn

from canon.data import Dataset
from canon.data.sources.rendered import nearest_shown, rendered_chairs
from canon.reproduce.charts import images
from canon.reproduce.result import Picture, Result, Row, Scale, Work
from canon.reproduce.training.curves import train_network
from canon.runs.config import TrainConfig
from canon.tasks.generation.draw import View, around, between, draw, outputs
from canon.utils.tables import counted

STEPS = 9  # pictures from the first chair to the last
FEW = 4  # chairs that are learned at small scale


@dataclass(frozen=True)
class Setting:
    """What is trained, on how many objects, and the chairs between which is drawn."""

    config: TrainConfig
    objects: int | None = None
    first: str = "chair1"
    last: str = "chair3"


def setting(scale: Scale) -> Setting:
    """What is trained."""
    if scale == "full":
        return Setting(TrainConfig("chairs", "chairs-128"))
    return Setting(
        TrainConfig("chairs-64", "chairs", width=16, epochs=14, batch=32, lr=2e-3, device="cpu"),
        FEW,
    )


def run(work: Work) -> Result:
    """Train, compare with pictures of azimuths that were held out, and interpolate."""
    return measure(setting(work.scale), work)


def measure(chosen: Setting, work: Work) -> Result:
    """Train with these flags, and measure."""
    data = rendered_chairs(chosen.config.data, chosen.objects)
    config = replace(chosen.config, data=data) if chosen.objects else chosen.config
    net = train_network(config, work)
    error, nearest = _errors(net, data)
    classes = data.classes
    ends = around([View(chosen.first), View(chosen.last)], classes)
    way = draw(net, between(ends[0], ends[1], STEPS)).astype(np.float64) / 255
    moves = [float(np.abs(b - a).mean()) for a, b in pairwise(way)]
    whole = float(np.abs(way[-1] - way[0]).mean())
    faded = (way[0] + way[-1]) / 2
    rows = (
        Row("azimuths held out: mean squared error of the colours", error),
        Row("the nearest learned view instead", nearest),
        Row("largest of 8 steps, share of the whole change", max(moves) / whole),
        Row("distance of the middle picture from the mean of both ends, share of the whole change", float(np.abs(way[STEPS // 2] - faded).mean()) / whole),
    )  # fmt: skip
    step = int(np.argmax(moves)) + 1
    conclusion = (
        f"Views that were held out are drawn {'better' if error < nearest else 'NOT better'} than "
        f"by the nearest learned view. From {chosen.first} to {chosen.last} no step makes more "
        f"than {100 * max(moves) / whole:.0f} % of the change (step {step})."
    )
    strip = images([("", picture) for picture in way], STEPS, cell=1.1)
    conditions = (
        f"{chosen.config.model} of width {chosen.config.width or 256} on "
        f"{chosen.objects or len(classes)} objects of {chosen.config.data}, "
        f"{counted(chosen.config.epochs or 60, 'epoch')}, seed {chosen.config.seed}"
    )
    title = f"From {chosen.first} to {chosen.last}"
    return Result(rows, (Picture(title, strip),), conclusion, conditions)


def _errors(net: nn.Module, data: Dataset) -> tuple[float, float]:
    """Mean squared errors on held-out azimuths: of the network, and of the nearest learned view."""
    test = data.splits["test"]
    true = np.asarray(test.images.pixels) / 255  # type: ignore[attr-defined]
    codes = test.targets.values  # type: ignore[attr-defined]
    drawn = outputs(net, codes)[..., :3].clip(0, 1)
    near = nearest_shown(codes, true.shape[1]) / 255
    return float(((drawn - true) ** 2).mean()), float(((near - true) ** 2).mean())
