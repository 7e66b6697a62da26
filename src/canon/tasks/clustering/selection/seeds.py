"""A clustering with several seeds: which one is taken, and how much they differ."""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import adjusted_rand_score

from canon.tasks.clustering.metrics import Scores
from canon.tasks.clustering.starts import Ints
from canon.utils.tables import Column, Table


def agreements(clusters: Sequence[Ints]) -> list[float]:
    """The mean adjusted Rand index of each of several clusterings with the others."""
    pairs = np.array([[adjusted_rand_score(a, b) for b in clusters] for a in clusters])
    return ((pairs.sum(1) - 1) / (len(clusters) - 1)).tolist()


def chosen(clusters: Sequence[Ints]) -> int:
    """The position of the clustering that agrees best with the others; of two, the first."""
    return 0 if len(clusters) < 3 else int(np.argmax(agreements(clusters)))


def seed_table(seeds: Sequence[int], clusters: Sequence[Ints], labels: Ints | None) -> Table:
    """One row for each seed and its clusters."""
    scored = labels is not None
    columns = [Column("seed")]
    columns += [Column("accuracy", "fraction"), Column("NMI", "number")] * scored
    columns += [Column("agreement with other seeds", "number"), Column("taken")]
    taken = chosen(clusters)
    rows = []
    for i, agreement in enumerate(agreements(clusters)):
        scores = [] if labels is None else _scores(clusters[i], labels)
        rows.append((str(seeds[i]), *scores, agreement, "yes" if i == taken else ""))
    return Table(tuple(columns), tuple(rows))


def spread_table(found: Mapping[str, Sequence[Ints]], labels: Ints | None) -> Table:
    """Mean, standard deviation and agreement over the seeds: of each baseline, and the method.

    Args:
        found: the clusters of each seed, by the name of the method.
        labels: for scores.
    """
    columns = [Column("method")]
    if labels is not None:
        columns += [
            Column("mean accuracy", "fraction"), Column("deviation of accuracy", "fraction"),
            Column("mean NMI", "number"), Column("deviation of NMI", "number"),
        ]  # fmt: skip
    columns += [Column("agreement of seeds", "number")]
    rows = []
    for name, clusters in found.items():
        spread: list[float] = []
        if labels is not None:
            scores = np.array([_scores(one, labels) for one in clusters])
            spread = np.stack([scores.mean(0), scores.std(0, ddof=1)], 1).flatten().tolist()
        rows.append((name, *spread, float(np.mean(agreements(clusters)))))
    return Table(tuple(columns), tuple(rows))


def _scores(clusters: Ints, labels: Ints) -> list[float]:
    scores = Scores.of(clusters, labels)
    return [scores.accuracy, scores.nmi]
