"""k-means on pixels, k-means on codes of an auto-encoder, and a deep clustering."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from canon.reproduce.charts import bars
from canon.reproduce.result import Picture, Result, Row, Scale, Watch, Work
from canon.reproduce.training.curves import run_folder
from canon.runs.cluster_config import ClusterConfig
from canon.tasks.clustering.job import PhaseEpoch
from canon.utils.tables import Table
from canon.workflows.cluster import Clustered, cluster_events

SOURCE = "Aljalbout et al., arXiv 2018, and the README of their code, MNIST"
PIXELS, CODES = "k-means on pixels", "auto-encoder + k-means"
PUBLISHED = {PIXELS: 0.542, CODES: 0.760}  # and 0.961 for their own method
PROPOSED = 0.961


def config(scale: Scale) -> ClusterConfig:
    """What is clustered, and how."""
    if scale == "full":
        return ClusterConfig("mnist", 10, seeds=3)
    return ClusterConfig("digits", 10, "n2d", pretraining_epochs=8, device="cpu")


def run(work: Work) -> Result:
    """Cluster, and compare with the baselines that every clustering has."""
    chosen = config(work.scale)
    with run_folder(work, "clustering") as out:
        found = _clustered(chosen, out, work.watch)
    accuracy = {str(row["method"]): row["accuracy"] for row in _comparison(found).records()}
    method = next(name for name in reversed(accuracy) if name != "start")
    on_mnist = chosen.data == "mnist"
    rows = tuple(
        Row(f"{name}: accuracy, %", 100 * value,
            100 * PUBLISHED.get(name, PROPOSED if name == method else 0) or None if on_mnist else None,
            SOURCE if on_mnist else "")
        for name, value in accuracy.items() if name != "start"
    )  # fmt: skip
    best = max(
        (name for name in accuracy if name not in (method, "start")), key=lambda n: accuracy[n]
    )
    ordered = accuracy[method] > accuracy[CODES] > accuracy[PIXELS]
    conclusion = (
        f"{method} has {100 * accuracy[method]:.1f} %, k-means {100 * accuracy[CODES]:.1f} % on "
        f"codes and {100 * accuracy[PIXELS]:.1f} % on pixels: the order of the paper is "
        f"{'reproduced' if ordered else 'NOT reproduced'}. The best baseline is {best} with "
        f"{100 * accuracy[best]:.1f} %."
    )
    seeds = "seed 0" if chosen.seeds == 1 else f"the chosen of {chosen.seeds} seeds"
    conditions = f"{chosen.data}, {seeds}, accuracy under the best matching of clusters"
    return Result(rows, (Picture("Accuracy of clusterings", _chart(accuracy)),), conclusion, conditions)  # fmt: skip


def _clustered(chosen: ClusterConfig, out: Path, watch: Watch) -> Clustered:
    with closing(cluster_events(replace(chosen, out=out, resume=out.exists()))) as events:
        for event in events:
            if isinstance(event, PhaseEpoch):
                watch(event.phase, event.epoch.epoch, event.epoch.epochs)
            elif isinstance(event, Clustered):
                return event
    raise AssertionError("a clustering ends with Clustered")


def _comparison(found: Clustered) -> Table:
    return next(table for table in found.tables.values() if "accuracy" in table.head)


def _chart(accuracy: dict[str, float]) -> Figure:
    shown = {name: 100 * value for name, value in accuracy.items() if name != "start"}
    return bars(list(shown), list(shown.values()), "accuracy, %")
