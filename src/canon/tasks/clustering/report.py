"""The report of a clustering: baselines, embeddings, sizes, contact sheets."""

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

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
    collapse,
    matched_labels,
    silhouette,
)
from canon.tasks.clustering.pipeline import CODES, Clustering
from canon.tasks.clustering.selection.number import Curve
from canon.tasks.clustering.selection.sampling import sample_of
from canon.tasks.clustering.starts import FirstClusters, Floats, Ints
from canon.utils.tables import Column, Table

EMBEDDINGS = "embeddings.png"
SHEETS = 50  # on the page, at most


def comparison(found: Clustering, pixels: Floats, method: str, labels: Ints | None) -> Table:
    """The baselines and the method: scores where there are labels, and what needs none.

    The silhouette of each row is in the space that it clustered.

    Args:
        found: the clusters.
        pixels: (M, D) of the samples that are shown.
        method: its name.
        labels: for scores.
    """
    columns = [Column("method")]
    if labels is not None:
        names = "accuracy", "NMI", "ARI"
        columns += [Column(names[0], "fraction"), *(Column(n, "number") for n in names[1:])]
    columns += [Column("silhouette", "number"), Column("stability", "number"),
                Column("chosen by"), Column("its value", "number")]  # fmt: skip
    rows = []
    for name, clusters, space, start in _rows(found, pixels, method):
        scores = None if labels is None else Scores.of(clusters, labels)
        judged = [] if scores is None else [scores.accuracy, scores.nmi, scores.ari]
        chosen = [None, "", None] if start is None else [
            start.stability, f"{start.criterion} of {len(start.values)} starts", start.values[0]
        ]  # fmt: skip
        rows.append((name, *judged, silhouette(space, clusters[found.shown]), *chosen))
    return Table(tuple(columns), tuple(rows))


def _rows(
    found: Clustering, pixels: Floats, method: str
) -> Iterator[tuple[str, Ints, Floats, FirstClusters | None]]:
    """Name, clusters of all samples, space of those that are shown, and how they were chosen."""
    codes = found.codes[found.shown]
    for name, start in found.baselines.items():
        space = found.encoded if name == CODES else pixels
        if start.embedding is not None:
            space = start.embedding[found.shown]
        yield name, start.labels, space, start
    if found.start is not None and all(found.start is not one for one in found.baselines.values()):
        space = codes if found.start.embedding is None else found.start.embedding[found.shown]
        yield "start", found.start.labels, space, found.start
    yield method, found.labels, codes, None


def verdict(found: Clustering, method: str, labels: Ints | None, sizes: Ints) -> str:
    """Whether the method is better than what it started from, in a few sentences."""
    return " ".join(filter(None, (collapse(sizes), _improvement(found, method, labels))))


def _improvement(found: Clustering, method: str, labels: Ints | None) -> str:
    if labels is None:
        moved = ""
        if found.start is not None:  # numbers may have changed
            same = clustering_accuracy(found.labels, found.start.labels)
            moved = (
                f"{method} assigns {1 - same:.1%} of the images to another cluster than its start. "
            )
        return f"{moved}Without labels, nothing says which is better: look at the contact sheets."
    after = clustering_accuracy(found.labels, labels)
    text = f"{method} reaches {after:.2%} accuracy."
    if found.start is not None:
        before = clustering_accuracy(found.start.labels, labels)
        text = f"{method} is its start: {after:.2%} accuracy."
        if after > before:
            text = (
                f"{method} improves on its start: {before:.2%} accuracy before, {after:.2%} after."
            )
        elif after < before:
            text = (
                f"{method} does NOT improve on its own start: {before:.2%} accuracy before, "
                f"{after:.2%} after."
            )
    reached = {
        name: clustering_accuracy(one.labels, labels) for name, one in found.baselines.items()
    }
    best = max(reached, key=reached.__getitem__)
    if reached[best] > after:
        text += f" The baseline {best} is better: {reached[best]:.2%}."
    return text


def write(
    run: ClusterRun,
    found: Clustering,
    pixels: Floats,
    metrics: ClusteringMetrics,
    labels: Ints | None,
    tables: dict[str, Table],
    sentence: str,
    sheets: dict[str, Image.Image],
    curve: Curve | None,
    seed: int,
) -> Path:
    """Write embeddings.png and report.html into the run folder; return the path of the page."""
    drawing = _embeddings(found, pixels, run, labels, seed)
    picture = BytesIO()
    drawing.savefig(picture, format="png", dpi=150)
    (run.path / EMBEDDINGS).write_bytes(picture.getvalue())
    section = environment("canon.tasks.clustering").get_template("section.html.j2").render(
        verdict=sentence,
        tables={title: table_html(table) for title, table in tables.items()},
        curve="" if curve is None else Markup(svg(pictures.modularity(curve))),
        number="" if curve is None else curve.in_words,
        picture=base64.b64encode(picture.getvalue()).decode(),
        clusters=table_html(metrics.per_class(run.classes)),
        sheets=[(name, _jpeg(sheet)) for name, sheet in list(sheets.items())[:SHEETS]],
        shown=min(pictures.POINTS, len(found.labels)),
    )  # fmt: skip
    lines = [line for line in run.metrics() if line.get("seed", seed) == seed]
    curves = "".join(map(svg, pictures.phases(lines)))
    return render_page(run, metrics, Markup(section), found.net, curves)


def _jpeg(sheet: Image.Image) -> str:
    """A picture as JPEG, in base64."""
    file = BytesIO()
    sheet.save(file, "JPEG", quality=85)
    return base64.b64encode(file.getvalue()).decode()


def _embeddings(
    found: Clustering, pixels: Floats, run: ClusterRun, labels: Ints | None, seed: int
) -> Figure:
    picked = sample_of(len(found.shown), pictures.POINTS, seed)
    assert run.record.clustering is not None
    method = run.record.clustering.method
    spaces = {"pixels": pixels, "auto-encoder": found.encoded, method: found.codes[found.shown]}
    planes = {name: pictures.planar(codes[picked], seed) for name, codes in spaces.items()}
    shown = found.shown[picked]
    if labels is None:
        return pictures.embeddings(planes, {"cluster": found.labels[shown]})
    colors = _matched(found.labels, labels)[found.labels[shown]]
    return pictures.embeddings(planes, {"cluster": colors, "label": labels[shown]})


def _matched(clusters: Ints, labels: Ints) -> Ints:
    """A number for each cluster: that of its label, or one that no label has."""
    found = matched_labels(clusters, labels)
    others = iter(range(int(labels.max()) + 1, int(labels.max()) + 2 + int(clusters.max())))
    return np.array([found[c] if c in found else next(others) for c in range(clusters.max() + 1)])
