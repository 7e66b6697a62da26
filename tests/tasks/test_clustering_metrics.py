"""Accuracy, mutual information, Rand index, collapse, modularity, the number of clusters."""

from itertools import permutations
from math import log, sqrt

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.neighbors import kneighbors_graph

from canon.tasks.clustering import starts
from canon.tasks.clustering.metrics import (
    ClusteringMetrics,
    Scores,
    clustering_accuracy,
    collapse,
    contingency,
    matched_labels,
    renumbered,
    silhouette,
)
from canon.tasks.clustering.selection.neighbours import NeighbourGraph
from canon.tasks.clustering.selection.number import Curve, curve
from canon.utils.progress import run_steps

CLUSTERS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
LABELS = np.array([1, 1, 2, 0, 0, 0, 2, 2, 2, 1])


def test_accuracy_is_that_of_the_best_of_all_matchings():
    random = np.random.default_rng(0)
    clusters, labels = random.integers(0, 4, 50), random.integers(0, 4, 50)
    best = max(np.mean([p[c] == t for c, t in zip(clusters, labels, strict=True)])
               for p in permutations(range(4)))  # fmt: skip
    assert clustering_accuracy(clusters, labels) == pytest.approx(best)


def test_clusters_take_the_numbers_of_those_they_match_best():
    # Cluster 0 shares two samples with label 1, cluster 1 three with 0, cluster 2 three with 2.
    assert renumbered(CLUSTERS, LABELS, 3).tolist() == [1, 1, 1, 0, 0, 0, 2, 2, 2, 2]
    assert renumbered(np.array([0, 0, 0]), np.array([2, 2, 1]), 3).tolist() == [2, 2, 2]


def test_accuracy_by_hand():
    assert contingency(CLUSTERS, LABELS).tolist() == [[0, 2, 1], [3, 0, 0], [0, 1, 3]]
    assert clustering_accuracy(CLUSTERS, LABELS) == pytest.approx(0.8)
    assert matched_labels(CLUSTERS, LABELS) == {0: 1, 1: 0, 2: 2}


def test_more_clusters_than_labels_leave_some_unmatched():
    assert clustering_accuracy(np.array([0, 1, 2]), np.array([0, 0, 1])) == pytest.approx(2 / 3)


def test_both_normalisations_of_the_mutual_information():
    joint = contingency(CLUSTERS, LABELS) / 10
    rows, columns = joint.sum(1), joint.sum(0)
    information = sum(
        p * log(p / (rows[i] * columns[j])) for (i, j), p in np.ndenumerate(joint) if p
    )
    entropies = [-sum(p * log(p) for p in margin) for margin in (rows, columns)]
    scores = Scores.of(CLUSTERS, LABELS)
    assert scores.nmi == pytest.approx(information / (sum(entropies) / 2))
    assert scores.nmi_geometric == pytest.approx(information / sqrt(entropies[0] * entropies[1]))


def test_the_rand_index_by_pairs():
    pairs = [(i, j) for i in range(10) for j in range(i)]
    same = np.array([[a[i] == a[j] for i, j in pairs] for a in (CLUSTERS, LABELS)])
    together, expected = (same[0] & same[1]).sum(), same[0].sum() * same[1].sum() / len(pairs)
    largest = same.sum() / 2
    assert Scores.of(CLUSTERS, LABELS).ari == pytest.approx(
        (together - expected) / (largest - expected)
    )


def metrics(labels=LABELS):
    return ClusteringMetrics(3, CLUSTERS, np.full(10, 0.5, np.float32), labels)


def test_figures_have_scores_only_where_there_are_labels():
    names = [figure.name for figure in metrics().figures()]
    assert names[:4] == [
        "accuracy", "NMI (arithmetic mean)", "NMI (geometric mean)", "adjusted Rand index"
    ]  # fmt: skip
    assert metrics(None).figures()[0].name == "mean confidence"
    assert metrics().loss == pytest.approx(log(2))


def test_the_table_of_clusters_names_their_most_frequent_label():
    table = metrics().per_class(("a", "b", "c"))
    assert table.rows[0] == ("0", 3, 0.5, "b", pytest.approx(2 / 3))
    assert table.rows[1] == ("1", 3, 0.5, "a", 1.0)
    assert len(metrics(None).per_class(()).columns) == 3


def test_collapse_is_detected():
    assert collapse(np.array([10, 10, 10])) is None
    assert "1 of 3 clusters are empty" in collapse(np.array([20, 10, 0]))
    assert "one cluster holds 95 of 100" in collapse(np.array([95, 5]))
    assert collapse(np.array([80, 20])) is None
    assert "one cluster holds 60 of 100" in collapse(np.array([60, *[4] * 9, 4]))


def test_the_silhouette_needs_two_clusters():
    codes = np.array([[0.0], [0.1], [5.0], [5.1]], np.float32)
    assert silhouette(codes, np.array([0, 0, 1, 1])) > 0.9
    assert silhouette(codes, np.zeros(4, np.int64)) is None


def test_modularity_is_that_of_networkx():
    networkx = pytest.importorskip("networkx")
    codes, _ = make_blobs(60, 3, centers=4, random_state=0)
    clusters = np.random.default_rng(0).integers(0, 3, 60)
    links = kneighbors_graph(codes, 15)
    graph = networkx.from_scipy_sparse_array(links + links.T)
    groups = [set(np.flatnonzero(clusters == k)) for k in range(3)]
    expected = networkx.community.modularity(graph, groups)
    assert NeighbourGraph(codes, 0).modularity(clusters) == pytest.approx(expected, abs=1e-12)


def test_modularity_is_highest_for_true_clusters():
    codes, labels = make_blobs(300, 5, centers=6, cluster_std=0.7, random_state=1)
    graph = NeighbourGraph(codes, 0)
    merged = np.where(labels == 5, 4, labels)
    mixed = np.where(np.arange(300) % 10, labels, (labels + 1) % 6)
    true = graph.modularity(labels)
    assert true > graph.modularity(merged) > graph.modularity(np.zeros(300, np.int64)) == 0
    assert true > graph.modularity(mixed)


@pytest.mark.parametrize("count", [3, 5, 8])
def test_the_number_of_blobs_is_found(count, monkeypatch):
    monkeypatch.setattr(starts, "has_umap", lambda: False)
    codes, _ = make_blobs(400, 6, centers=count, cluster_std=0.8, random_state=count)
    found = run_steps(curve(codes.astype(np.float32), 0, 400))
    assert found.chosen == count
    assert found.numbers == tuple(range(2, 31))


def test_the_fewest_clusters_near_the_highest_modularity_are_chosen():
    found = Curve((2, 3, 4, 5), (0.5, 0.697, 0.7, 0.6))
    assert (found.highest, found.chosen) == (4, 3)
    assert found.in_words == (
        "3 clusters: modularity 0.6970, the fewest within 0.005 of 0.7000 at 4"
    )
    assert "pass -k" in Curve((29, 30), (0.1, 0.2)).in_words
