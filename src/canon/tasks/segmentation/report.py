"""The section of a segmentation run in the report: overlays, IoU, confusion matrix."""

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from canon.analysis.charts import svg
from canon.data.packs.masks import MaskPack
from canon.data.types import ClassMap
from canon.inference.predictor import Predictor
from canon.reports import charts
from canon.reports.page import environment, table_html
from canon.reports.thumbnails import thumbnail
from canon.runs.folder import Run, TrainedModel
from canon.tasks.segmentation.evaluate import tiled_logits
from canon.tasks.segmentation.metrics import SegmentationMetrics
from canon.tasks.segmentation.overlay import class_colors, overlay
from canon.tasks.segmentation.tile_plan import plan_tiles

WORST, SIDE = 6, 320  # images, and pixels per side at most


def section(
    run: Run,
    model: TrainedModel,
    metrics: SegmentationMetrics,
    pack: MaskPack,
    predictor: Predictor,
) -> Markup:
    """The section as HTML.

    Args:
        run: the run, with its result.
        model: its network.
        metrics: the result.
        pack: the images that were evaluated, for the worst of them.
        predictor: the network as a function of stored pixels.
    """
    classes, tiling = model.classes, plan_tiles(model.net, model.preprocessing)
    colors = class_colors(len(classes))
    worst = metrics.worst(WORST).tolist()
    masks = (tiled_logits(predictor, pack.image(i), tiling).argmax(0) for i in worst)
    template = environment("canon.tasks.segmentation").get_template("section.html.j2")
    return Markup(template.render(
        split=(run.record.result or {})["split"],
        classes=table_html(metrics.per_class(classes)),
        confusion=Markup(svg(charts.confusion(metrics.confusion, classes))),
        key=[(name, "#" + bytes(colors[k]).hex()) for k, name in enumerate(classes)
             if k != model.background],
        worst=[_sample(model, metrics, pack, i, mask.astype(np.uint8))
               for i, mask in zip(worst, masks, strict=True)],
        bare=classes[model.background],
    ))  # fmt: skip


def _sample(
    model: TrainedModel, metrics: SegmentationMetrics, pack: MaskPack, i: int, predicted: ClassMap
) -> dict[str, Any]:
    image, count = pack.image(i), len(model.classes)
    drawn = (overlay(image, mask, count, model.background) for mask in (pack.mask(i), predicted))
    return {
        "name": pack.names[i],
        "short": Path(pack.names[i]).name,
        "iou": metrics.per_image()[i],
        "pictures": [thumbnail(picture, SIDE) for picture in (image, *drawn)],
    }
