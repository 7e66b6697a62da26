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
from canon.interpret.class_activation import enlarged, field_of, grad_cam
from canon.interpret.outputs import class_score, last_maps
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
    counts, classes, worst = metrics.confusion(), model.classes, metrics.worst(WORST).tolist()
    heats = _heats(model, metrics, pack, worst)
    template = environment("canon.tasks.classification").get_template("section.html.j2")
    return Markup(template.render(
        split=(run.record.result or {})["split"],
        confusion=Markup(svg(charts.confusion(counts, classes))),
        pairs=_confused(counts, classes),
        classes=table_html(metrics.per_class(classes)),
        worst=[
            _sample(classes, metrics, pack, i) | {"heat": heat}
            for i, heat in zip(worst, heats, strict=True)
        ],
    ))  # fmt: skip


def _confused(counts: NDArray[np.int64], classes: Sequence[str]) -> list[tuple[str, str, int]]:
    """The most frequent confusions: true class, predicted class, samples."""
    wrong = counts - np.diag(np.diagonal(counts))
    places = np.argsort(-wrong, axis=None, kind="stable")[:5]
    pairs = [np.unravel_index(place, wrong.shape) for place in places]
    return [(classes[t], classes[p], int(wrong[t, p])) for t, p in pairs if wrong[t, p]]


def _sample(
    classes: Sequence[str], metrics: ClassificationMetrics, pack: ImagePack, i: int
) -> dict[str, Any]:
    return {
        "name": pack.names[i],
        "short": Path(pack.names[i]).name.replace("#", "image "),
        "true": classes[metrics.labels[i]],
        "predicted": classes[metrics.predicted[i]],
        "confidence": metrics.confidence[i],
        "png": thumbnail(pack.image(i), SIDE),
    }


def _heats(
    model: TrainedModel, metrics: ClassificationMetrics, pack: ImagePack, worst: list[int]
) -> list[str | None]:
    """What speaks for the predicted class of each sample, over it; None of networks without maps.

    One image at a time: the gradients of all at once may not fit into memory.
    """
    net, prep, device = model.net, model.preprocessing, next(model.net.parameters()).device
    raws = [prep.center(pack.images[i : i + 1]) for i in worst]
    inputs = [prep.normalize(raw.to(device)).contiguous() for raw in raws]
    try:
        stage = last_maps(net, inputs[0]) if inputs else None
    except InputError:
        stage = None
    if stage is None:
        return [None] * len(worst)
    size = (inputs[0].shape[-2], inputs[0].shape[-1])
    field = field_of(net, stage, size, prep.channels)
    pictures: list[str | None] = []
    for i, raw, x in zip(worst, raws, inputs, strict=True):
        score = class_score(torch.tensor([int(metrics.predicted[i])], device=device))
        heat = enlarged(grad_cam(net, x, score, stage), size, field)
        picture = overlaid(seen(prep, raw.cpu())[0], heat[0].cpu().numpy())
        pictures.append(thumbnail(picture, SIDE))
    return pictures
