"""A whole clustering: pre-training, baselines, first clusters, training with a clustering loss."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from canon.layers.clusters import NearestClusters, StageCode, StudentClusters
from canon.tasks.clustering import starts
from canon.tasks.clustering.batches import Samples, outputs_of
from canon.tasks.clustering.job import Job, Phase, PhaseEpoch, fit_phase
from canon.tasks.clustering.objectives import Pretraining
from canon.tasks.clustering.starts import FirstClusters, Floats, Ints
from canon.tasks.clustering.store import stored
from canon.tasks.clustering.training_phase import cluster_means, train
from canon.training import Event
from canon.utils.devices import to_device


@dataclass(frozen=True)
class Clustering:
    """The clusters of N samples.

    Args:
        net: images (N, C, H, W) to log probabilities (N, K), on the CPU.
        labels: (N,) clusters.
        confidence: (N,) probability of each sample's cluster.
        codes: (N, D) what distances are measured in.
        centers: (K, D) mean code of each cluster, or the trained centres.
        start: the first clusters.
        baselines: clusters of the baselines, by name.
        spaces: what the baselines clustered, by name: pixels and the codes of the auto-encoder.
    """

    net: nn.Module
    labels: Ints
    confidence: NDArray[np.float32]
    codes: Floats
    centers: Floats
    start: FirstClusters
    baselines: dict[str, FirstClusters]
    spaces: dict[str, Floats]

    @property
    def distances(self) -> Floats:
        """(N,) distance of each code to the centre of its cluster."""
        return np.linalg.norm(self.codes - self.centers[self.labels], axis=1)


def cluster(job: Job) -> Generator[Phase | PhaseEpoch | Event, None, Clustering]:
    """Cluster; yields what happens, returns the clusters."""
    device = job.accelerator.device
    net = to_device(job.auto_encoder, device)
    yield Phase(f"pre-training of {job.method.network}")
    yield from fit_phase(job, net, Pretraining(), "pretraining")
    codes = outputs_of(net, job.samples, StageCode(net)).numpy()
    pixels = job.pixels()
    baselines = yield from _baselines(job, pixels, codes)
    if job.features is not None:
        start, clustered, final, labels = yield from _of_features(job, job.features)
    else:
        start = yield from _first_clusters(job, pixels, codes, baselines)
        clustered, final, labels = yield from train(job, net, codes, start)
    samples = job.samples if job.features is None else job.features[1]
    probabilities = outputs_of(clustered, samples).exp().numpy()
    centers = cluster_means(final, labels, job.k)
    if isinstance(clustered, StudentClusters):
        centers = clustered.centers.detach().cpu().numpy().copy()
    return Clustering(
        clustered.cpu(), labels, probabilities[np.arange(len(labels)), labels],
        final, centers, start, baselines, {"pixels": pixels, "auto-encoder": codes},
    )  # fmt: skip


def _of_features(
    job: Job, features: tuple[StageCode, Samples]
) -> Generator[Phase, None, tuple[FirstClusters, nn.Module, Floats, Ints]]:
    """Clusters of the output of a trained network."""
    net, samples = features
    to_device(net, job.accelerator.device)
    yield Phase("features of the trained network")
    codes = outputs_of(net, samples).numpy()
    k, seed = job.k, job.seed
    if starts.has_umap():
        yield Phase("UMAP and a Gaussian mixture on the features")
        start = stored(job.states, "start", lambda: _mixture(codes, k, seed))
    else:
        yield Phase("k-means on the features")
        start = stored(job.states, "start", lambda: starts.kmeans(codes, k, seed))
    known = torch.from_numpy(codes), torch.from_numpy(start.labels)
    clustered = to_device(NearestClusters(net, *known, k), job.accelerator.device)
    return start, clustered, codes, start.labels


def _baselines(
    job: Job, pixels: Floats, codes: Floats
) -> Generator[Phase, None, dict[str, FirstClusters]]:
    """K-means on pixels and on codes; UMAP and a mixture on pixels, if they are installed."""
    k, seed, found = job.k, job.seed, {}
    yield Phase("baseline: k-means on pixels")
    found["k-means on pixels"] = stored(
        job.states, "kmeans-pixels", lambda: starts.kmeans(pixels, k, seed, starts=10)
    )
    yield Phase("baseline: k-means on the codes of the auto-encoder")
    found["auto-encoder + k-means"] = stored(
        job.states, "kmeans-codes", lambda: starts.kmeans(codes, k, seed)
    )
    if starts.has_umap():
        yield Phase("baseline: UMAP and a Gaussian mixture on pixels")
        found["UMAP + mixture"] = stored(
            job.states, "mixture-pixels", lambda: _mixture(pixels, k, seed)
        )
    return found


def _mixture(codes: Floats, k: int, seed: int) -> FirstClusters:
    return starts.mixture(starts.umap_embedding(codes, k, seed), k, seed)


def _first_clusters(
    job: Job, pixels: Floats, codes: Floats, baselines: dict[str, FirstClusters]
) -> Generator[Phase, None, FirstClusters]:
    """The clusters that the method starts from, which may be those of a baseline."""
    method = job.method
    if method.start == "k-means":
        return baselines[
            "auto-encoder + k-means" if method.space == "code" else "k-means on pixels"
        ]
    if method.space == "pixels" and "UMAP + mixture" in baselines:
        return baselines["UMAP + mixture"]
    yield Phase("first clusters: UMAP and a Gaussian mixture")
    space = codes if method.space == "code" else pixels
    return stored(job.states, "start", lambda: _mixture(space, job.k, job.seed))
