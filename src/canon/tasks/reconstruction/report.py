"""An auto-encoder's section of the report: images over their reconstructions."""

from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from canon.data import ImagePack, Preprocessing
from canon.data.types import Pixels
from canon.inference.predictor import Predictor
from canon.reports.page import environment
from canon.reports.thumbnails import thumbnail
from canon.runs.folder import Run, TrainedModel
from canon.tasks.reconstruction.metrics import ReconstructionMetrics
from canon.types import Images

SHOWN, SIDE = 12, 128  # images of each kind, and pixels per side at most


def section(
    run: Run,
    model: TrainedModel,
    metrics: ReconstructionMetrics,
    pack: ImagePack,
    predictor: Predictor,
) -> Markup:
    """The section as HTML.

    Args:
        run: the run, with its result.
        model: its network.
        metrics: the result.
        pack: the images that were evaluated.
        predictor: the network as a function of stored pixels.
    """
    even = np.linspace(0, len(pack) - 1, min(SHOWN, len(pack))).astype(np.int64)
    prep = model.preprocessing
    template = environment("canon.tasks.reconstruction").get_template("section.html.j2")
    return Markup(template.render(
        split=(run.record.result or {})["split"],
        samples=_samples(even, metrics, pack, predictor, prep),
        worst=_samples(metrics.worst(SHOWN), metrics, pack, predictor, prep),
    ))  # fmt: skip


def _samples(
    places: Any,
    metrics: ReconstructionMetrics,
    pack: ImagePack,
    predictor: Predictor,
    prep: Preprocessing,
) -> list[dict[str, Any]]:
    raw = prep.center(pack.images[torch.from_numpy(np.ascontiguousarray(places))])
    pictures = to_pixels(predictor(raw).cpu(), prep)
    return [
        {
            "name": pack.names[i],
            "png": thumbnail(image, SIDE),
            "reconstruction": thumbnail(picture, SIDE),
            "error": metrics.errors[i],
        }
        for i, image, picture in zip(
            places, raw.cpu().numpy().astype(pack.image(0).dtype), pictures, strict=True
        )
    ]


def to_pixels(x: Images, prep: Preprocessing) -> Pixels:
    """Outputs in the units of the network's input as 8-bit images, (N, H, W, C)."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (prep.mean, prep.std))
    share = (x.float() * std + mean).clamp(0, 1)
    return (share * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
