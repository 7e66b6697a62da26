"""What deep clustering minimises: hardening, k-means, classification.

The targets of an epoch are buffers of the module that is trained: a saved state holds them, so that
a resumed epoch continues with the same ones.
"""

from math import nan

import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.nn import functional as F

from canon.layers.clusters import StageCode, StudentClusters, squared_distances
from canon.tasks.clustering.batches import Samples, outputs_of
from canon.tasks.clustering.losses.assignments import kl_divergence, target_distribution
from canon.types import Images, Logits

Output = tuple[Tensor, Tensor | None]  # what clusters are made from, and reconstruction errors


class Trained(nn.Module):
    """What is trained: a network, and what its epochs have in common.

    Args:
        net: the network.
    """

    changed: Tensor
    epoch: Tensor

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("changed", torch.tensor(nan))  # until labels are found again
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))

    def next_epoch(self) -> int:
        """Begin an epoch, in which no label has changed yet; its number, from 0."""
        self.changed.fill_(nan)
        self.epoch += 1
        return int(self.epoch) - 1


class Clustered(Trained):
    """Clusters of an auto-encoder as they are trained, with the targets of the epoch.

    Args:
        net: the auto-encoder and its centres.
        samples: N.
        reconstruct: whether images are decoded as well.
    """

    net: StudentClusters
    targets: Tensor
    labels: Tensor

    def __init__(self, net: StudentClusters, samples: int, *, reconstruct: bool) -> None:
        super().__init__(net)
        self.reconstruct = reconstruct
        self.register_buffer("targets", torch.zeros(samples, len(net.centers)))
        self.register_buffer("labels", torch.full((samples,), -1))

    def forward(self, x: Images) -> Output:
        if not self.reconstruct:
            return self.net.net.encode(x), None
        codes, y = self.net.net.with_code(x)
        return codes, (y - x).square().flatten(1).mean(1)

    def relabel(self, labels: Tensor) -> None:
        """Take the labels of an epoch, and note the share of them that changed."""
        if (self.labels >= 0).all():
            self.changed.copy_((labels != self.labels.cpu()).float().mean())
        self.labels.copy_(labels)


class Hardening:
    """Cluster assignment hardening: KL(P || Q), with the targets P of each epoch.

    Args:
        net: the auto-encoder and its centres.
        samples: N.
        weight: of the divergence.
        reconstruction: weight of the squared error of the reconstruction.
    """

    def __init__(
        self, net: StudentClusters, samples: int, weight: float, reconstruction: float
    ) -> None:
        self.weight, self.reconstruction = weight, reconstruction
        self.trained = Clustered(net, samples, reconstruct=reconstruction > 0)
        net.net.get_submodule("decoder").requires_grad_(reconstruction > 0)

    def module(self, net: nn.Module) -> nn.Module:  # noqa: ARG002
        """The clusters with their targets."""
        return self.trained

    def begin_epoch(self, net: nn.Module, batches: Samples, order: Tensor) -> None:  # noqa: ARG002
        """Compute the targets from the images as they are."""
        self.trained.next_epoch()
        q = outputs_of(net, batches).exp()
        self.trained.targets.copy_(target_distribution(q))
        self.trained.relabel(q.argmax(1))

    def losses(self, output: Output, index: Tensor) -> Tensor:
        """(N,) the weighted sum of divergence in nats and squared error."""
        codes, errors = output
        targets = self.trained.targets[index.to(self.trained.targets.device)]
        losses = self.weight * kl_divergence(targets, self.trained.net.assign(codes))
        return losses if errors is None else losses + self.reconstruction * errors


class KMeansLoss:
    """The distance of each code to its centre; centres follow by k-means every ten epochs.

    Aljalbout et al. 2018, section 2.4; the schedule is that of the authors' network.py.

    Args:
        net: the auto-encoder and its centres, which gradients do not move.
        samples: N.
        weight: of the distance.
        reconstruction: weight of the squared error of the reconstruction.
        every: epochs between two runs of k-means.
    """

    def __init__(
        self,
        net: StudentClusters,
        samples: int,
        weight: float,
        reconstruction: float,
        every: int = 10,
    ) -> None:
        self.weight, self.reconstruction, self.every = weight, reconstruction, every
        self.trained = Clustered(net, samples, reconstruct=True)
        net.centers.requires_grad_(False)

    def module(self, net: nn.Module) -> nn.Module:  # noqa: ARG002
        """The clusters."""
        return self.trained

    @torch.no_grad()
    def begin_epoch(self, net: nn.Module, batches: Samples, order: Tensor) -> None:  # noqa: ARG002
        """Move the centres to those of k-means from where they are."""
        assert isinstance(net, StudentClusters)
        epoch = self.trained.next_epoch()
        if epoch % self.every:
            return
        codes = outputs_of(StageCode(net.net), batches)
        if epoch:
            start = net.centers.detach().cpu().numpy()
            found = KMeans(len(start), init=start, n_init=1).fit(codes.numpy())
            net.centers.copy_(torch.from_numpy(found.cluster_centers_))
        self.trained.relabel(squared_distances(codes, net.centers.detach().cpu()).argmin(1))

    def losses(self, output: Output, index: Tensor) -> Tensor:  # noqa: ARG002
        """(N,) the weighted sum of the distance to the nearest centre and the squared error."""
        codes, errors = output
        assert errors is not None
        squared = squared_distances(codes, self.trained.net.centers).min(1).values
        return self.weight * (squared + 1e-12).sqrt() + self.reconstruction * errors


class Labelled(Trained):
    """A classifier, and the clusters as its labels.

    Args:
        net: the classifier.
        labels: (N,) int64 first clusters.
    """

    targets: Tensor
    sure: Tensor

    def __init__(self, net: nn.Module, labels: Tensor) -> None:
        super().__init__(net)
        self.register_buffer("targets", labels.clone())
        self.register_buffer("sure", torch.ones(len(labels)))

    def forward(self, x: Images) -> Logits:
        return self.net(x)


class Classification:
    """Cluster classification: clusters are the labels of a classifier, which then corrects them.

    Aljalbout et al. 2018, section 2.4 ("cluster classification loss"). The first epochs take the
    labels of the start; then, every second epoch, the classifier labels the images as they are, and
    those it is unsure about are left out, as in self-labelling (Van Gansbeke et al., "SCAN:
    Learning to Classify Images without Labels", ECCV 2020). On data whose classes look alike, large
    clusters then grow at the cost of small ones. New labels are therefore not taken if the
    effective number of clusters, the exponential of the entropy of their sizes, falls too far.

    Args:
        net: the classifier.
        labels: (N,) int64 first clusters.
        warm: epochs with them.
        threshold: probability from which the classifier is sure.
        smoothing: label smoothing.
        least: the smallest effective number of clusters, as a fraction of the first ones'.
    """

    def __init__(
        self,
        net: nn.Module,
        labels: Tensor,
        warm: int = 2,
        threshold: float = 0.6,
        smoothing: float = 0.1,
        least: float = 0.95,
    ) -> None:
        self.warm, self.threshold, self.smoothing = warm, threshold, smoothing
        self.least = least * effective_number(labels)
        self.trained = Labelled(net, labels)

    def module(self, net: nn.Module) -> nn.Module:  # noqa: ARG002
        """The classifier with its labels."""
        return self.trained

    def begin_epoch(self, net: nn.Module, batches: Samples, order: Tensor) -> None:  # noqa: ARG002
        """Label the images again, every second epoch after the first ones."""
        later = self.trained.next_epoch() - self.warm
        if later < 0 or later % 2:
            return
        probabilities = outputs_of(net, batches).softmax(1)
        confidence, labels = probabilities.max(1)
        if effective_number(labels) < self.least:
            return
        self.trained.changed.copy_((labels != self.trained.targets.cpu()).float().mean())
        self.trained.targets.copy_(labels)
        self.trained.sure.copy_((confidence > self.threshold).float())

    def losses(self, output: Logits, index: Tensor) -> Tensor:
        """(N,) nats: cross-entropy of the sure samples, zero for the others."""
        index = index.to(self.trained.targets.device)
        losses = F.cross_entropy(
            output, self.trained.targets[index], reduction="none", label_smoothing=self.smoothing
        )
        return losses * self.trained.sure[index]


def effective_number(labels: Tensor) -> float:
    """The exponential of the entropy of the sizes of clusters: K if K clusters are equally large.

    Args:
        labels: (N,) int64.
    """
    shares = torch.bincount(labels).double() / len(labels)
    return float(torch.special.entr(shares).sum().exp())
