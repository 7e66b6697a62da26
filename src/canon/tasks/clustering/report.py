"""The report of a clustering: baselines, embeddings, sizes, contact sheets."""

import base64
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from canon.analysis.charts import svg
from canon.reports.page import environment, render_page, table_html
from canon.runs.clustering import ClusterRun
from canon.tasks.clustering import pictures
from canon.tasks.clustering.metrics import (
    ClusteringMetrics,
    Scores,
    clustering_accuracy,
    matched_labels,
    silhouette,
)
from canon.tasks.clustering.pipeline import Clustering
from canon.tasks.clustering.starts import FirstClusters, Floats, Ints
from canon.utils.tables import Column, Table

EMBEDDINGS = "embeddings.png"
SHEETS = 50  # on the page, at most


def comparison(found: Clustering, method: str, labels: Ints | None, seed: int) -> Table:
    """The baselines and the method: scores where there are labels, and what needs none.

    The silhouette of each row is in the space that it clustered.
    """
    columns = [Column("method")]
    if labels is not None:
        names = "accuracy", "NMI", "ARI"
        columns += [Column(names[0], "fraction"), *(Column(n, "number") for n in names[1:])]
    columns += [Column("silhouette", "number"), Column("stability", "number"),
                Column("chosen by"), Column("its value", "number")]  # fmt: skip
    rows = []
    for name, clusters, space, start in _rows(found, method):
        scores = None if labels is None else Scores.of(clusters, labels)
        judged = [] if scores is None else [scores.accuracy, scores.nmi, scores.ari]
        chosen = [None, "", None] if start is None else [
            start.stability, f"{start.criterion} of {len(start.values)} starts", start.values[0]
        ]  # fmt: skip
        rows.append((name, *judged, silhouette(space, clusters, seed), *chosen))
    return Table(tuple(columns), tuple(rows))


def _rows(
    found: Clustering, method: str
) -> Iterator[tuple[str, Ints, Floats, FirstClusters | None]]:
    pixels, codes = found.spaces["pixels"], found.spaces["auto-encoder"]
    for name, start in found.baselines.items():
        space = codes if name == "auto-encoder + k-means" else pixels
        yield name, start.labels, start.embedding if start.embedding is not None else space, start
    if all(found.start is not start for start in found.baselines.values()):
        embedding = found.start.embedding
        space = found.codes if embedding is None else embedding
        yield "start", found.start.labels, space, found.start
    yield method, found.labels, found.codes, None


def verdict(found: Clustering, method: str, labels: Ints | None) -> str:
    """Whether the method is better than what it started from, in a sentence."""
    same = clustering_accuracy(found.labels, found.start.labels)  # numbers may have changed
    if labels is None:
        return (
            f"{method} assigns {1 - same:.1%} of the images to another cluster than its start. "
            "Without labels, nothing says which is better: look at the contact sheets."
        )
    before, after = (Scores.of(one, labels).accuracy for one in (found.start.labels, found.labels))
    reached = {
        name: Scores.of(one.labels, labels).accuracy for name, one in found.baselines.items()
    }
    best = max(reached, key=reached.__getitem__)
    if after > before:
        text = f"{method} improves on its start: {before:.2%} accuracy before, {after:.2%} after."
    elif after == before:
        text = f"{method} is its start: {after:.2%} accuracy."
    else:
        text = (
            f"{method} does NOT improve on its own start: {before:.2%} accuracy before, "
            f"{after:.2%} after."
        )
    if reached[best] > after:
        text += f" The baseline {best} is better: {reached[best]:.2%}."
    return text


def write(
    run: ClusterRun,
    found: Clustering,
    metrics: ClusteringMetrics,
    labels: Ints | None,
    table: Table,
    sentence: str,
    sheets: Sequence[Path],
    seed: int,
) -> Path:
    """Write embeddings.png and report.html into the run folder; return the path of the page."""
    drawing = _embeddings(found, run, labels, seed)
    picture = BytesIO()
    drawing.savefig(picture, format="png", dpi=150)
    (run.path / EMBEDDINGS).write_bytes(picture.getvalue())
    section = environment("canon.tasks.clustering").get_template("section.html.j2").render(
        verdict=sentence,
        comparison=table_html(table),
        picture=base64.b64encode(picture.getvalue()).decode(),
        clusters=table_html(metrics.per_class(run.classes)),
        sheets=[(path.stem, _jpeg(path)) for path in sheets[:SHEETS]],
        shown=min(pictures.POINTS, len(found.labels)),
    )  # fmt: skip
    curves = "".join(map(svg, pictures.phases(run.phase_metrics())))
    return render_page(run, metrics, Markup(section), curves)


def _jpeg(path: Path) -> str:
    """A picture as JPEG, in base64."""
    file = BytesIO()
    with Image.open(path) as picture:
        picture.save(file, "JPEG", quality=85)
    return base64.b64encode(file.getvalue()).decode()


def _embeddings(found: Clustering, run: ClusterRun, labels: Ints | None, seed: int) -> Figure:
    picked = pictures.subset(len(found.labels), seed)
    assert run.record.clustering is not None
    method = run.record.clustering.method
    spaces: dict[str, Any] = {
        "pixels": found.spaces["pixels"], "auto-encoder": found.spaces["auto-encoder"],
        method: found.codes,
    }  # fmt: skip
    planes = {name: pictures.planar(codes[picked], seed) for name, codes in spaces.items()}
    if labels is None:
        return pictures.embeddings(planes, {"cluster": found.labels[picked]})
    colors = _matched(found.labels, labels)[found.labels[picked]]
    return pictures.embeddings(planes, {"cluster": colors, "label": labels[picked]})


def _matched(clusters: Ints, labels: Ints) -> Ints:
    """A number for each cluster: that of its label, or one that no label has."""
    found = matched_labels(clusters, labels)
    others = iter(range(int(labels.max()) + 1, int(labels.max()) + 2 + int(clusters.max())))
    return np.array([found[c] if c in found else next(others) for c in range(clusters.max() + 1)])
