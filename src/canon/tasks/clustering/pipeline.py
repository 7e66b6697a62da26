"""A whole clustering: pre-training, baselines, first clusters, training with a clustering loss."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from canon.layers.clusters import NearestClusters, StageCode, StudentClusters
from canon.tasks.clustering import starts
from canon.tasks.clustering.batches import outputs_of
from canon.tasks.clustering.job import Features, Job, Phase, PhaseEpoch, fit_phase
from canon.tasks.clustering.losses.reconstruction import Pretraining
from canon.tasks.clustering.selection.neighbours import NeighbourGraph
from canon.tasks.clustering.selection.sampling import sample_of
from canon.tasks.clustering.starts import FirstClusters, Floats, Ints
from canon.tasks.clustering.store import stored
from canon.tasks.clustering.training_phase import cluster_means, train
from canon.training import Event
from canon.utils.devices import to_device

SHOWN = 5000  # samples of the report, at most
PIXELS, CODES, MIXTURE = "k-means on pixels", "auto-encoder + k-means", "UMAP + mixture"


@dataclass(frozen=True)
class Clustering:
    """The clusters of N samples.

    Args:
        net: images (N, C, H, W) to log probabilities (N, K), on the CPU.
        labels: (N,) clusters.
        confidence: (N,) probability of each sample's cluster.
        codes: (N, D) what distances are measured in.
        centers: (K, D) mean code of each cluster, or the trained centres.
        start: the first clusters, if the method has any.
        baselines: clusters of the baselines, by name.
        shown: (M,) positions of the samples that the report shows.
        encoded: (M, D) codes of the auto-encoder of those samples.
    """

    net: nn.Module
    labels: Ints
    confidence: NDArray[np.float32]
    codes: Floats
    centers: Floats
    start: FirstClusters | None
    baselines: dict[str, FirstClusters]
    shown: Ints
    encoded: Floats

    @property
    def distances(self) -> Floats:
        """(N,) distance of each code to the centre of its cluster."""
        return np.linalg.norm(self.codes - self.centers[self.labels], axis=1)


def cluster(job: Job) -> Generator[Phase | PhaseEpoch | Event, None, Clustering]:
    """Cluster; yields what happens, returns the clusters."""
    net = to_device(job.auto_encoder, job.accelerator.device)
    yield Phase(f"pre-training of {job.method.network}")
    yield from fit_phase(job, net, Pretraining(), "pretraining")
    codes = outputs_of(StageCode(net), job.samples).numpy()
    shown = sample_of(len(codes), SHOWN, job.seed)
    pixels = job.pixels()
    graph = NeighbourGraph(pixels, job.seed)
    baselines = yield from _baselines(job, pixels, codes, graph)
    del pixels  # four bytes a value: too much memory during training
    start: FirstClusters | None
    if job.features is not None:
        start, clustered, final, labels = yield from _of_features(job, job.features)
    else:
        start = yield from _first_clusters(job, codes, baselines, graph)
        clustered, final, labels = yield from train(job, net, codes, start, graph)
    samples = job.samples if job.features is None else job.features.samples
    probabilities = outputs_of(clustered, samples).exp().numpy()
    centers = cluster_means(final, labels, job.k)
    if isinstance(clustered, StudentClusters):
        centers = clustered.centers.detach().cpu().numpy().copy()
    return Clustering(
        clustered.cpu(), labels, probabilities[np.arange(len(labels)), labels],
        final, centers, start, baselines, shown, codes[shown],
    )  # fmt: skip


def _of_features(
    job: Job, features: Features
) -> Generator[Phase, None, tuple[FirstClusters, nn.Module, Floats, Ints]]:
    """Clusters of the output of a trained network."""
    net = to_device(features.code, job.accelerator.device)
    yield Phase("features of the trained network")
    codes = outputs_of(net, features.samples).numpy()
    k, seed = job.k, job.seed
    graph = NeighbourGraph(codes, seed)
    if starts.has_umap():
        yield Phase("UMAP and a Gaussian mixture on the features")
        start = stored(job.states, "start", lambda: starts.umap_mixture(codes, k, seed, graph))
    else:
        yield Phase("k-means on the features")
        start = stored(job.states, "start", lambda: starts.kmeans(codes, k, seed, graph))
    known = torch.from_numpy(codes), torch.from_numpy(start.labels)
    clustered = to_device(NearestClusters(net, *known, k), job.accelerator.device)
    return start, clustered, codes, start.labels


def _baselines(
    job: Job, pixels: Floats, codes: Floats, graph: NeighbourGraph
) -> Generator[Phase, None, dict[str, FirstClusters]]:
    """K-means on pixels and on codes; UMAP and a mixture on pixels, if they are installed."""
    k, seed, found = job.k, job.seed, {}
    yield Phase("baseline: k-means on pixels")
    found[PIXELS] = stored(
        job.states, "kmeans-pixels", lambda: starts.kmeans(pixels, k, seed, starts=10)
    )
    yield Phase("baseline: k-means on the codes of the auto-encoder")
    found[CODES] = stored(job.states, "kmeans-codes", lambda: starts.kmeans(codes, k, seed, graph))
    if starts.has_umap():
        yield Phase("baseline: UMAP and a Gaussian mixture on pixels")
        found[MIXTURE] = stored(
            job.states, "mixture-pixels", lambda: starts.umap_mixture(pixels, k, seed, graph)
        )
    return found


def _first_clusters(
    job: Job, codes: Floats, baselines: dict[str, FirstClusters], graph: NeighbourGraph
) -> Generator[Phase, None, FirstClusters | None]:
    """The clusters that the method starts from, which may be those of a baseline."""
    method = job.method
    if method.start is None:
        return None
    if method.space == "pixels":
        return baselines[PIXELS if method.start == "k-means" else MIXTURE]
    if method.start == "k-means":
        return baselines[CODES]
    yield Phase("first clusters: UMAP and a Gaussian mixture on the codes")
    return stored(job.states, "start", lambda: starts.umap_mixture(codes, job.k, job.seed, graph))
