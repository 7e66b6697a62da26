"""The first clusters: k-means, or a Gaussian mixture on a UMAP embedding; the best of several."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from canon.errors import InputError

KMEANS_STARTS, MIXTURE_STARTS = 20, 12
NEIGHBOURS, DIMENSIONS = 20, 10  # of UMAP, as in N2D

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class FirstClusters:
    """Clusters of N samples, the best of several starts.

    Args:
        labels: (N,) clusters.
        criterion: what starts are compared by: inertia, the lower the better, or modularity, the
            higher the better.
        values: of every start, the best first.
        stability: mean adjusted Rand index of the other starts' clusters with the best ones.
        embedding: (N, D) what was clustered, if it is not the input.
    """

    labels: Ints
    criterion: str
    values: tuple[float, ...]
    stability: float
    embedding: Floats | None = None


class Judge(Protocol):
    """What says how good clusters are, without labels."""

    def modularity(self, clusters: Ints, /) -> float:
        """The higher, the better."""


def kmeans(
    codes: Floats, k: int, seed: int, judge: Judge | None = None, starts: int = KMEANS_STARTS
) -> FirstClusters:
    """K-means from several starts; the one of best modularity, or of lowest inertia.

    Args:
        codes: (N, D).
        k: clusters.
        seed: of the starts.
        judge: a graph of neighbours; None takes the inertia.
        starts: how many.
    """

    def once(random: int) -> tuple[float, Ints]:
        found = KMeans(k, n_init=1, random_state=random).fit(codes)
        clusters = found.labels_.astype(np.int64)
        return float(found.inertia_) if judge is None else judge.modularity(clusters), clusters

    if judge is None:
        return _best(once, seed, starts, "inertia", lowest=True)
    return _best(once, seed, starts, "modularity", lowest=False)


def mixture(
    embedding: Floats, k: int, seed: int, judge: Judge, starts: int = MIXTURE_STARTS
) -> FirstClusters:
    """A Gaussian mixture with full covariances from several starts; the one of best modularity.

    Args:
        embedding: (N, D).
        k: components.
        seed: of the starts.
        judge: a graph of neighbours.
        starts: how many.
    """
    values = embedding.astype(np.float64)

    def once(random: int) -> tuple[float, Ints]:
        found = GaussianMixture(k, random_state=random, max_iter=300).fit(values)
        clusters = found.predict(values).astype(np.int64)
        return judge.modularity(clusters), clusters

    best = _best(once, seed, starts, "modularity", lowest=False)
    return FirstClusters(best.labels, best.criterion, best.values, best.stability, embedding)


def _best(
    once: Callable[[int], tuple[float, Ints]], seed: int, starts: int, name: str, *, lowest: bool
) -> FirstClusters:
    with _without_convergence_warnings():
        found = [once(random) for random in _seeds(seed, starts)]
    found.sort(key=lambda one: one[0] if lowest else -one[0])
    labels = found[0][1]
    agreement = [adjusted_rand_score(labels, other) for _, other in found[1:]]
    stability = float(np.mean(agreement)) if agreement else 1.0
    return FirstClusters(labels, name, tuple(value for value, _ in found), stability)


def _seeds(seed: int, count: int) -> list[int]:
    return np.random.SeedSequence(seed).generate_state(count).tolist()


@contextmanager
def _without_convergence_warnings() -> Iterator[None]:
    """A start that has not converged loses to the others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def umap_mixture(codes: Floats, k: int, seed: int, judge: Judge) -> FirstClusters:
    """A Gaussian mixture on a UMAP embedding of codes (N, D): `umap_embedding`, then `mixture`."""
    return mixture(umap_embedding(codes, k, seed), k, seed, judge)


def has_umap() -> bool:
    """Whether the extra `cluster` is installed."""
    return find_spec("umap") is not None


def missing_umap() -> InputError:
    """The error where the extra is needed."""
    return InputError(
        "umap-learn is not installed; expected it for an embedding by UMAP. Run pip install "
        "'canon-nets[cluster]', or pass --method dcec-da."
    )


def umap_embedding(codes: Floats, k: int, seed: int) -> Floats:
    """A UMAP embedding for clustering: 20 neighbours, ten dimensions, no minimal distance.

    McConville et al., "N2D: (Not Too) Deep Clustering via Clustering the Local Manifold of an
    Autoencoded Embedding", ICPR 2020. Fewer dimensions where there are fewer than ten samples for
    each of a cluster.

    Args:
        codes: (N, D).
        k: clusters that are to be found in it.
        seed: of the embedding; with it, UMAP runs in one thread.

    Raises:
        InputError: the extra is not installed.
    """
    count = len(codes)
    settings = {
        "n_neighbors": max(2, min(NEIGHBOURS, count - 1)),
        "n_components": min(DIMENSIONS, max(2, count // (10 * k))),
    }
    init = "spectral" if count > settings["n_components"] + 2 else "random"
    return _umap(codes, seed, min_dist=0.0, init=init, **settings)


def _umap(codes: Floats, seed: int, **settings: Any) -> Floats:
    if not has_umap():
        raise missing_umap()
    threads = torch.get_num_threads()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own imports and choices
            umap = import_module("umap")
            found = umap.UMAP(random_state=seed % 2**32, n_jobs=1, **settings).fit_transform(codes)
    finally:
        torch.set_num_threads(threads)  # numba changes it, and sums would differ on resuming
    return np.ascontiguousarray(found, np.float32)
