"""How good clusters are: with labels, and without."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.training.interfaces import Metrics
from canon.utils.tables import Column, Figure, Table

Ints = NDArray[np.int64]


def contingency(clusters: Ints, labels: Ints) -> Ints:
    """Counts of samples by cluster (rows) and label (columns)."""
    rows, columns = int(clusters.max(initial=-1)) + 1, int(labels.max(initial=-1)) + 1
    pairs = np.bincount(clusters * columns + labels, minlength=rows * columns)
    return pairs.reshape(rows, columns)


def matched_labels(clusters: Ints, labels: Ints) -> dict[int, int]:
    """The label of each cluster in the best one-to-one matching; clusters beyond K have none."""
    rows, columns = _matching(contingency(clusters, labels))
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))


def clustering_accuracy(clusters: Ints, labels: Ints) -> float:
    """Accuracy under the best one-to-one matching of clusters to labels, a fraction in [0, 1].

    The Hungarian method finds it, as in Xie, Girshick, Farhadi, ICML 2016, equation 10.
    """
    counts = contingency(clusters, labels)
    return float(counts[_matching(counts)].sum() / len(labels))


def renumbered(clusters: Ints, like: Ints, k: int) -> Ints:
    """(N,) clusters with the numbers of the k others that they match best, one to one."""
    counts = np.zeros((k, k), np.int64)
    np.add.at(counts, (clusters, like), 1)
    return _matching(counts)[1][clusters]


def _matching(counts: Ints) -> tuple[Ints, Ints]:
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  # slow to import

    return linear_sum_assignment(counts, maximize=True)


@dataclass(frozen=True)
class Scores:
    """Agreement of clusters with labels, fractions; the adjusted Rand index may be negative.

    Args:
        accuracy: under the best matching.
        nmi: mutual information over the arithmetic mean of both entropies.
        nmi_geometric: over their geometric mean, as papers before 2019 have it.
        ari: adjusted Rand index.
    """

    accuracy: float
    nmi: float
    nmi_geometric: float
    ari: float

    @classmethod
    def of(cls, clusters: Ints, labels: Ints) -> "Scores":
        """Of the clusters and the labels of N samples."""
        from sklearn.metrics import (  # noqa: PLC0415  # half a second to import
            adjusted_rand_score,
            normalized_mutual_info_score,
        )

        nmi, geometric = (
            float(normalized_mutual_info_score(labels, clusters, average_method=mean))
            for mean in ("arithmetic", "geometric")
        )
        accuracy = clustering_accuracy(clusters, labels)
        return cls(accuracy, nmi, geometric, float(adjusted_rand_score(labels, clusters)))

    def figures(self) -> tuple[Figure, ...]:
        """All four."""
        return (
            Figure("accuracy", self.accuracy),
            Figure("NMI (arithmetic mean)", self.nmi, "number"),
            Figure("NMI (geometric mean)", self.nmi_geometric, "number"),
            Figure("adjusted Rand index", self.ari, "number"),
        )


@dataclass(frozen=True)
class ClusteringMetrics(Metrics):
    """The clusters of N samples, and their labels if they have any.

    Args:
        k: clusters.
        clusters: (N,) cluster of each sample.
        confidence: (N,) probability of that cluster.
        labels: (N,) label of each sample, or None.
        classes: their names, if they may be others than those of the run.
    """

    k: int
    clusters: Ints
    confidence: NDArray[np.float32]
    labels: Ints | None = None
    classes: Sequence[str] | None = None

    @property
    def loss(self) -> float:
        """Mean negative log of the probability of a sample's cluster, nats."""
        return float(-np.log(np.maximum(self.confidence, 1e-12)).mean(dtype=np.float64))

    @property
    def error(self) -> float:
        """The mean probability of other clusters."""
        return float(1 - self.confidence.mean(dtype=np.float64))

    @property
    def ranking(self) -> tuple[float, ...]:
        """The negative loss."""
        return (-self.loss,)

    @property
    def sizes(self) -> Ints:
        """(K,) samples of each cluster."""
        return np.bincount(self.clusters, minlength=self.k)

    @cached_property
    def scores(self) -> Scores | None:
        """Agreement with the labels; None without labels."""
        return None if self.labels is None else Scores.of(self.clusters, self.labels)

    def figures(self) -> tuple[Figure, ...]:
        """Scores where there are labels; confidence, sizes, number of samples."""
        scores = self.scores
        return (
            *(scores.figures() if scores else ()),
            Figure("mean confidence", float(self.confidence.mean(dtype=np.float64))),
            Figure("clusters", self.k, "count"),
            Figure("largest cluster", int(self.sizes.max()), "count"),
            Figure("smallest cluster", int(self.sizes.min()), "count"),
            Figure("images", len(self.clusters), "count"),
        )

    def per_class(self, classes: Sequence[str]) -> Table:
        """Size and mean confidence of each cluster, and its most frequent label."""
        classes = self.classes or classes
        named = self.labels is not None and len(classes) > 0
        columns = [Column("cluster"), Column("images", "count"), Column("confidence", "fraction")]
        columns += [Column("most frequent label"), Column("its share", "fraction")] * named
        rows = []
        for cluster in range(self.k):
            members = self.clusters == cluster
            size = int(members.sum())
            row: list[Any] = [str(cluster), size, self._mean(members)]
            if named and self.labels is not None:
                counts = np.bincount(self.labels[members], minlength=len(classes))
                first = int(counts.argmax())
                row += [classes[first], counts[first] / size] if size else ["", None]
            rows.append(tuple(row))
        return Table(tuple(columns), tuple(rows))

    def _mean(self, members: NDArray[np.bool_]) -> float | None:
        return float(self.confidence[members].mean()) if members.any() else None


def collapse(sizes: Ints) -> str | None:
    """What is wrong with the sizes of clusters: an empty one, or one that holds too much; or None.

    Too much is more than five equal shares, and at most nine tenths of all samples.
    """
    k, total = len(sizes), int(sizes.sum())
    empty, largest = int((sizes == 0).sum()), int(sizes.max())
    if empty:
        return (
            f"{empty} of {k} clusters are empty: the clustering has collapsed. Try a smaller -k, "
            "another --seed or another --method."
        )
    if largest > min(0.9, 5 / k) * total:
        return (
            f"one cluster holds {largest:,} of {total:,} images: the clustering may have "
            "collapsed. Try another --seed or another --method."
        )
    return None


def silhouette(codes: NDArray[np.float32], clusters: Ints) -> float | None:
    """Silhouette of clusters; None where there is but one, or one for each sample."""
    from sklearn.metrics import silhouette_score  # noqa: PLC0415  # half a second to import

    if not 2 <= len(np.unique(clusters)) < len(codes):
        return None
    return float(silhouette_score(codes, clusters))
