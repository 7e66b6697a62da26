"""A classifier's section of the report: confusion matrix, classes, worst samples."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from canon.analysis.charts import svg
from canon.data import ImagePack
from canon.reports import charts
from canon.reports.page import render_page
from canon.reports.thumbnails import png
from canon.runs.folder import Run
from canon.tasks.classification.metrics import ClassificationMetrics

WORST = 24


def write_report(run: Run, scores: ClassificationMetrics, split: str, pack: ImagePack) -> Path:
    """Write report.html into a run folder and return its path.

    Args:
        run: the run; its metrics and facts are shown.
        scores: its figures on a split.
        split: the name of that split.
        pack: the images of that split, for the worst samples.
    """
    counts = scores.confusion()
    per_class = counts.sum(1), scores.recall(), scores.precision()
    return render_page(
        "classification.html.j2", run, split,
        scores=scores,
        confusion=Markup(svg(charts.confusion(counts, run.classes))),
        pairs=_confused(counts, run.classes),
        classes=list(zip(run.classes, *per_class, strict=True)),
        worst=[_sample(run, scores, pack, int(i)) for i in scores.worst(WORST)],
    )  # fmt: skip


def _confused(counts: np.ndarray[Any, Any], classes: tuple[str, ...]) -> list[tuple[str, str, int]]:
    wrong = counts - np.diag(np.diagonal(counts))
    places = np.argsort(-wrong, axis=None, kind="stable")[:5]
    pairs = [np.unravel_index(place, wrong.shape) for place in places]
    return [(classes[t], classes[p], int(wrong[t, p])) for t, p in pairs if wrong[t, p]]


def _sample(run: Run, scores: ClassificationMetrics, pack: ImagePack, i: int) -> dict[str, Any]:
    name = pack.names[i] if pack.names else f"#{i}"
    return {
        "name": name,
        "short": Path(name).name,
        "true": run.classes[scores.labels[i]],
        "said": run.classes[scores.predicted[i]],
        "confidence": scores.confidence[i],
        "png": base64.b64encode(png(pack.images[i])).decode(),
    }
