"""Training with a clustering loss: centres in the space of codes, or a classifier."""

from collections.abc import Generator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from canon.layers.auto_encoder import AutoEncoder
from canon.layers.clusters import LogProbabilities, NearestClusters, StageCode, StudentClusters
from canon.tasks.clustering import starts
from canon.tasks.clustering.batches import outputs_of
from canon.tasks.clustering.job import Events, Job, Phase, PhaseEpoch, fit_phase
from canon.tasks.clustering.losses.association import Associated, Association, place_centroids
from canon.tasks.clustering.losses.objectives import Classification, Hardening, KMeansLoss
from canon.tasks.clustering.metrics import renumbered
from canon.tasks.clustering.selection.neighbours import NeighbourGraph
from canon.tasks.clustering.starts import FirstClusters, Floats, Ints, Judge
from canon.tasks.clustering.store import stored
from canon.training import Event
from canon.utils.devices import to_device


def train(
    job: Job, net: nn.Module, codes: Floats, start: FirstClusters | None, judge: Judge
) -> Generator[Phase | PhaseEpoch | Event, None, tuple[nn.Module, Floats, Ints]]:
    """The network that assigns, the codes, and the clusters.

    Args:
        job: what the clustering is made from.
        net: its auto-encoder, trained.
        codes: (N, D) of all samples.
        start: the first clusters, if the method has any.
        judge: of starts of k-means.
    """
    method = job.method
    if method.head == "logits":
        return (yield from _train_classifier(job, start, judge))
    assert start is not None
    if method.head == "student":
        return (yield from _train_centers(job, net, codes, start, judge))
    known = torch.from_numpy(codes), torch.from_numpy(start.labels)
    nearest = NearestClusters(StageCode(net), *known, job.k)
    return to_device(nearest, job.accelerator.device), codes, start.labels


def _train_classifier(
    job: Job, start: FirstClusters | None, judge: Judge
) -> Generator[Phase | PhaseEpoch | Event, None, tuple[nn.Module, Floats, Ints]]:
    """A classifier, trained by association or with the first clusters as its labels."""
    assert job.classifier is not None
    assert job.training is not None
    classifier = to_device(job.classifier, job.accelerator.device)
    yield Phase(f"clustering with {job.method.classifier} by {job.method.loss}")
    if start is None:
        yield from _associate(job, classifier)
    else:
        yield from _learn(job, classifier, start.labels, "training")
        if job.method.again:
            yield Phase("UMAP and a Gaussian mixture on the codes of the classifier")
            found = stored(job.states, "again", lambda: _found_again(job, classifier, judge))
            new, own = found.values
            yield Phase(f"modularity {new:.4f}; of the classifier's own clusters {own:.4f}")
            if new > own:
                yield Phase(f"clustering with {job.method.classifier} from the new clusters")
                yield from _learn(job, classifier, found.labels, "retraining")
    labels = outputs_of(classifier, job.samples).argmax(1).numpy()
    embedded = outputs_of(StageCode(classifier), job.samples).numpy()
    return LogProbabilities(classifier), embedded, labels


def _learn(job: Job, classifier: nn.Module, clusters: Ints, phase: str) -> Events:
    """Clusters as labels of the classifier."""
    assert job.training is not None
    warm = max(2, job.training.epochs // 4)
    objective = Classification(classifier, torch.from_numpy(clusters), warm=warm)
    yield from fit_phase(job, classifier, objective, phase)


def _found_again(job: Job, classifier: nn.Module, judge: Judge) -> FirstClusters:
    """Clusters of the codes of a classifier.

    Args:
        job: what the clustering is made from.
        classifier: trained with the first clusters.
        judge: of these and of the classifier's own clusters.

    Returns:
        The clusters, with the numbers that the classifier has for them; the values are their
        modularity and that of the classifier's own.
    """
    codes = outputs_of(StageCode(classifier), job.samples).numpy()
    found = starts.umap_mixture(codes, job.k, job.seed, NeighbourGraph(codes, job.seed))
    own = outputs_of(classifier, job.samples).argmax(1).numpy()
    values = judge.modularity(found.labels), judge.modularity(own)
    labels = renumbered(found.labels, own, job.k)
    return replace(found, labels=labels, values=values, embedding=None)


def _associate(job: Job, classifier: nn.Module) -> Events:
    """Augmented images first; then, from centroids that k-means places, clusters as well."""
    net = to_device(Associated(classifier, job.k, job.seed), job.accelerator.device)
    assert isinstance(net, Associated)
    yield from fit_phase(job, net, Association(net, warm=True), "warming")
    place_centroids(net, job.samples, job.seed)
    yield from fit_phase(job, net, Association(net, warm=False), "training")


def _train_centers(
    job: Job, net: nn.Module, codes: Floats, start: FirstClusters, judge: Judge
) -> Generator[Phase | PhaseEpoch | Event, None, tuple[nn.Module, Floats, Ints]]:
    """Centres in the space of codes, trained with hardening or k-means, or left as they are."""
    assert isinstance(net, AutoEncoder)
    method, device = job.method, job.accelerator.device
    centers = torch.from_numpy(cluster_means(codes, start.labels, job.k))
    unit = student_unit(codes, start.labels, centers.numpy())
    clustered = to_device(StudentClusters(net, centers, unit), device)
    assert isinstance(clustered, StudentClusters)
    if method.loss is not None:
        yield Phase(f"clustering by {method.loss}")
        loss = Hardening if method.loss == "hardening" else KMeansLoss
        objective = loss(clustered, len(codes), method.weight, method.reconstruction)
        yield from fit_phase(job, clustered, objective, "training")
        codes = outputs_of(StageCode(net), job.samples).numpy()
    if method.again:
        yield Phase("k-means on the codes")
        found = starts.kmeans(codes, job.k, job.seed, judge)
        _set_centers(clustered, torch.from_numpy(cluster_means(codes, found.labels, job.k)))
        return clustered, codes, found.labels
    labels = outputs_of(clustered, job.samples).argmax(1).numpy()
    return clustered, codes, labels


@torch.no_grad()
def _set_centers(clustered: StudentClusters, centers: Tensor) -> None:
    clustered.centers.copy_(centers)


def cluster_means(codes: Floats, labels: Ints, k: int) -> Floats:
    """(K, D) mean code of each cluster; that of all codes where a cluster is empty."""
    means = np.repeat(codes.mean(0, keepdims=True), k, axis=0)
    for cluster_ in np.unique(labels):
        means[cluster_] = codes[labels == cluster_].mean(0)
    return means


def student_unit(codes: Floats, labels: Ints, centers: Floats) -> float:
    """The distance that Student's t counts as 1: a fifth of the spread of the first clusters.

    The papers train auto-encoders for hundreds of epochs, after which the codes of MNIST lie 5 from
    their centres, root mean square; then it is 1, as there. Codes of other spreads are brought to
    the same shape of q, which is flat where all distances are below 1.
    """
    spread = float(np.square(codes - centers[labels]).sum(1).mean() ** 0.5)
    return max(spread / 5, 1e-6)
