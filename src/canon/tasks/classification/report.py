"""A classifier's section of the report: confusion matrix, classes, worst samples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray

from canon.analysis.charts import svg
from canon.data import ImagePack
from canon.errors import InputError
from canon.inference.predictor import Predictor
from canon.interpret.class_activation import grad_cam_of_pixels
from canon.interpret.outputs import class_score
from canon.interpret.pictures import overlaid, seen
from canon.reports import charts
from canon.reports.page import environment, table_html
from canon.reports.thumbnails import thumbnail
from canon.runs.folder import Run, TrainedModel
from canon.tasks.classification.metrics import ClassificationMetrics

WORST, SIDE = 21, 128  # samples, and pixels per side at most


def section(
    run: Run,
    model: TrainedModel,
    metrics: ClassificationMetrics,
    pack: ImagePack,
    predictor: Predictor,
) -> Markup:
    """The section as HTML.

    Args:
        run: the run, with its result.
        model: its network.
        metrics: the result.
        pack: the images that were evaluated, for the worst samples.
        predictor: the network as a function of stored pixels.
    """
    del predictor  # the gradients need the network itself
    counts, classes = metrics.confusion(), model.classes
    template = environment("canon.tasks.classification").get_template("section.html.j2")
    return Markup(template.render(
        split=(run.record.result or {})["split"],
        confusion=Markup(svg(charts.confusion(counts, classes))),
        pairs=_confused(counts, classes),
        classes=table_html(metrics.per_class(classes)),
        worst=[_sample(model, metrics, pack, int(i)) for i in metrics.worst(WORST)],
    ))  # fmt: skip


def _confused(counts: NDArray[np.int64], classes: Sequence[str]) -> list[tuple[str, str, int]]:
    """The most frequent confusions: true class, predicted class, samples."""
    wrong = counts - np.diag(np.diagonal(counts))
    places = np.argsort(-wrong, axis=None, kind="stable")[:5]
    pairs = [np.unravel_index(place, wrong.shape) for place in places]
    return [(classes[t], classes[p], int(wrong[t, p])) for t, p in pairs if wrong[t, p]]


def _sample(
    model: TrainedModel, metrics: ClassificationMetrics, pack: ImagePack, i: int
) -> dict[str, Any]:
    return {
        "name": pack.names[i],
        "short": Path(pack.names[i]).name.replace("#", "image "),
        "true": model.classes[metrics.labels[i]],
        "predicted": model.classes[metrics.predicted[i]],
        "confidence": metrics.confidence[i],
        "png": thumbnail(pack.image(i), SIDE),
        "heat": _heat(model, pack, i, int(metrics.predicted[i])),
    }


def _heat(model: TrainedModel, pack: ImagePack, i: int, predicted: int) -> str | None:
    """What speaks for the predicted class, over the image; None if the network has no maps."""
    prep, device = model.preprocessing, next(model.net.parameters()).device
    raw = prep.center(pack.images[i : i + 1])
    try:
        heat = grad_cam_of_pixels(
            model.net, prep.normalize(raw.to(device)).contiguous(),
            class_score(torch.tensor([predicted], device=device)),
        )  # fmt: skip
    except InputError:
        return None
    picture = overlaid(seen(prep, raw.cpu())[0], heat[0].cpu().numpy())
    return thumbnail(picture, SIDE)
