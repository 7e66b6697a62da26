"""A generator's section of the report: drawn and true pictures, and interpolations."""

import base64
from io import BytesIO

import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from canon.data.sources.rendered import RENDERED, nearest_shown
from canon.inference.predictor import Predictor
from canon.reports.page import environment
from canon.runs.folder import Run, TrainedModel
from canon.tasks.generation import draw
from canon.tasks.generation.metrics import GenerationMetrics
from canon.tasks.generation.pack import PicturePack

SHOWN, STEPS = 12, 12


def section(
    run: Run,
    model: TrainedModel,
    metrics: GenerationMetrics,
    pack: PicturePack,
    predictor: Predictor,  # noqa: ARG001
) -> Markup:
    """The section as HTML.

    Args:
        run: the run, with its result.
        model: its network.
        metrics: the result.
        pack: the pictures that were evaluated.
        predictor: not used: the input is no image.
    """
    even = np.linspace(0, len(pack) - 1, min(SHOWN, len(pack))).astype(np.int64)
    names = model.classes
    middle, last = names[len(names) // 2], names[-1]
    strips = {
        "a view from all sides": [draw.View(names[0], azimuth) for azimuth in _turn()],
        "the camera rising": [draw.View(names[0], 30, e) for e in np.linspace(10, 60, STEPS)],
    }
    drawn = {title: draw.around(views, names) for title, views in strips.items()}
    for first, second in ((names[0], middle), (names[1], last)):
        codes = draw.around([draw.View(first), draw.View(second)], names)
        drawn[f"{first} to {second}"] = draw.between(codes[0], codes[1], STEPS)
    template = environment("canon.tasks.generation").get_template("section.html.j2")
    return Markup(template.render(
        split=(run.record.result or {})["split"],
        nearest=_nearest(pack) if run.record.data.source in RENDERED else None,
        error=metrics.error,
        pairs=_pairs(model.net, pack, even),
        worst=_pairs(model.net, pack, metrics.worst(SHOWN)),
        strips={title: png(draw.strip(draw.draw(model.net, c))) for title, c in drawn.items()},
    ))  # fmt: skip


def _turn() -> list[float]:
    return [360.0 * i / STEPS for i in range(STEPS)]


def _nearest(pack: PicturePack) -> float:
    """Mean squared error of the nearest view that was trained on, in place of each picture."""
    shown = nearest_shown(pack.attributes.cpu().numpy(), pack.pictures.shape[1])
    true = pack.pictures[..., :3].cpu().numpy()
    return float(np.square((shown.astype(np.float64) - true) / 255).mean())


def _pairs(net: nn.Module, pack: PicturePack, places: NDArray[np.int64]) -> str:
    """True pictures above the drawn ones."""
    index = torch.from_numpy(np.ascontiguousarray(places))
    true = pack.pictures[index].cpu().numpy().astype(np.float32) / np.float32(255)
    drawn = draw.draw(net, pack.attributes[index].cpu().numpy())
    return png(np.concatenate([draw.strip(draw.on_white(true)), draw.strip(drawn)]))


def png(pixels: NDArray[np.uint8]) -> str:
    """A picture in base64."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
