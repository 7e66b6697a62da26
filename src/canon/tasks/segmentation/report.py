"""The section of a segmentation run in the report: overlays, IoU, confusion matrix."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from markupsafe import Markup
from numpy.typing import NDArray
from torch import nn

from canon.analysis.charts import svg
from canon.data.packs.masks import MaskPack
from canon.inference.predictor import TorchPredictor
from canon.reports import charts
from canon.reports.page import render_page
from canon.reports.thumbnails import thumbnail, to_8_bits
from canon.runs.folder import Run
from canon.tasks.segmentation.evaluate import tiled_logits
from canon.tasks.segmentation.metrics import SegmentationMetrics
from canon.tasks.segmentation.overlay import class_colors, overlay
from canon.tasks.segmentation.tile_plan import plan_tiles

WORST, SIDE = 6, 320  # images, and pixels a side at most


def write_report(
    run: Run, scores: SegmentationMetrics, split: str, pack: MaskPack, net: nn.Module
) -> Path:
    """Write report.html into a run folder and return its path.

    Args:
        run: the run; its metrics and facts are shown.
        scores: its figures on a split.
        split: the name of that split.
        pack: the images of that split, for the worst of them.
        net: the network, on its device.
    """
    pixels = scores.confusion.sum(1)
    recall = scores.confusion.diagonal() / np.where(pixels, pixels, np.nan)
    columns = pixels, pixels / max(1, pixels.sum()), scores.iou, scores.dice, recall
    table = class_colors(len(run.classes))
    says = TorchPredictor(net, run.preprocessing, Accelerator())
    tiling = plan_tiles(run.model, run.facts["numbers"])
    worst = scores.worst(WORST).tolist()
    said = (tiled_logits(says, pack.raw_image(i), tiling).argmax(0) for i in worst)
    return render_page(
        "segmentation.html.j2", run, split,
        scores=scores,
        classes=list(zip(run.classes, *columns, strict=True)),
        confusion=Markup(svg(charts.confusion(scores.confusion, run.classes))),
        key=[(c, "#" + bytes(table[k]).hex()) for k, c in enumerate(run.classes)
             if k != run.commonest],
        worst=[_sample(run, scores, pack, i, map_) for i, map_ in zip(worst, said, strict=True)],
    )  # fmt: skip


def _sample(
    run: Run, scores: SegmentationMetrics, pack: MaskPack, i: int, said: NDArray[np.int64]
) -> dict[str, Any]:
    image, count = pack.raw_image(i), len(run.classes)
    name = pack.names[i] if pack.names else f"#{i}"
    shown = (to_8_bits(image), overlay(image, pack.raw_mask(i), count, run.commonest),
             overlay(image, said.astype("uint8"), count, run.commonest))  # fmt: skip
    return {
        "name": name,
        "short": Path(name).name,
        "iou": scores.per_image()[i],
        "pictures": [base64.b64encode(thumbnail(one, SIDE)).decode() for one in shown],
    }
