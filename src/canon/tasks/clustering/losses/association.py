"""Associative deep clustering: walks from centroids to images and back.

Haeusser et al., "Associative Deep Clustering: Training a Classification Network with No Labels",
GCPR 2018, section 3; weights are those of the authors' train_unsup2.py and backend.py, where the
transformation loss has weight 0. Differences: the penalty of weights is the same for all layers;
absolute values of embeddings have none, under which all of them shrink to zero here.
"""

import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.nn import functional as F

from canon.data.augment.draws import Draws, Part
from canon.layers.clusters import StageCode
from canon.tasks.clustering.batches import IndexedBatches, Samples, outputs_of
from canon.types import Images, Logits
from canon.utils.seeding import derive_seed

COPIES = 3  # augmented ones of each image
PER_CLUSTER = 4  # centroids
VISIT, AUGMENTED_VISIT, LOGIT = 0.5, 1.0, 0.5
AFTER_KMEANS = 0.2  # of the association of augmented images
NORM, TARGET = 2e-4, 3.0  # of embeddings: their lengths
PENALTY = 5e-4  # half of the squares of all weights, times 1e-3
BRIGHTNESS, NOISE = 0.5, 0.05  # of inputs in [-1, 1]


def walker_and_visit(a: Tensor, b: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
    """The losses of walks from a to b and back (section 3.1).

    With M = a b', P_ab and P_ba the softmax of the rows of M and of M', and P_aba = P_ab P_ba: a
    walk should end at its own group, and every b should be visited as often as the others.

    Args:
        a: (n, D) embeddings where walks start.
        b: (m, D) embeddings that they visit.
        same: (n, n) 1 where two starts are of one group, else 0.

    Returns:
        Cross-entropy of P_aba to the groups, and of the mean visit to the uniform one, nats.
    """
    matches = a @ b.T
    there, back = matches.softmax(1), matches.T.softmax(1)
    targets = same / same.sum(1, keepdim=True)
    walker = -(targets * ((there @ back) + 1e-8).log().log_softmax(1)).sum(1).mean()
    visits = (there.mean(0) + 1e-8).log().log_softmax(0)
    return walker, -visits.mean()


def transformation(codes: Tensor, logits: Logits) -> Tensor:
    """Mean of |1 - CE(o_i, o_j) - z_i z_j| over all pairs of a batch (section 3.4).

    Args:
        codes: (n, D) embeddings z.
        logits: (n, K) outputs o; o_i is the target of o_j.
    """
    entropy = -(logits.softmax(1) @ logits.log_softmax(1).T)  # [i, j]: CE(o_i, o_j)
    return (1 - entropy - codes @ codes.T).abs().mean()


class AssociationBatches(IndexedBatches):
    """Each image as it is, then three augmented copies of all: brightness and noise as well."""

    def training(self, index: Tensor, seed: int, part: Part | None = None) -> tuple[Images, Tensor]:
        """The samples at these positions, (4 n, C, H, W), and the positions."""
        plain, _ = self.evaluation(index)
        copies = []
        for copy in range(COPIES):
            x, _ = super().training(index, derive_seed(seed, copy), part)
            draw = Draws(derive_seed(seed, copy, 1), part)
            shift = (2 * draw.uniform(len(index), 1, 1, 1) - 1) * BRIGHTNESS
            noise = draw.normal(len(index), *x.shape[1:]) * NOISE
            copies.append((x + shift.to(x.device) + noise.to(x.device)).clamp(-1, 1))
        return torch.cat([plain, *copies]), index


class Associated(nn.Module):
    """A classifier, and centroids in the space of its embedding.

    Args:
        net: the classifier.
        clusters: K.
        seed: of the first centroids.

    Shape: (4 n, C, H, W) -> embeddings (4 n, D), logits (4 n, K), and logits of the centroids
    """

    def __init__(self, net: nn.Module, clusters: int, seed: int) -> None:
        super().__init__()
        self.net = net
        last = net.get_submodule("head.logits")
        assert isinstance(last, nn.Linear)
        width = last.in_features
        draw = torch.Generator().manual_seed(seed)
        middle = 0.3 * torch.randn(clusters, 1, width, generator=draw)
        spread = 0.02 * torch.rand(clusters, PER_CLUSTER, width, generator=draw) - 0.01
        self.centroids = nn.Parameter((middle + spread).flatten(0, 1))

    def logits(self, codes: Tensor) -> Logits:
        """(n, K) logits of embeddings."""
        return self.net.get_submodule("head.logits")(codes)

    def forward(self, x: Images) -> Logits:
        return self.net(x)


class _Trained(nn.Module):
    """What training calls: embeddings, and the centroids."""

    def __init__(self, net: Associated) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Images) -> tuple[Tensor, Tensor]:
        return StageCode(self.net.net)(x), self.net.centroids


class Association:
    """The losses of associative deep clustering.

    Args:
        net: the classifier with its centroids.
        warm: whether only augmented images are associated, before k-means places the centroids.
        transformation: weight of the transformation loss, 0 as in the authors' file.
    """

    def __init__(self, net: Associated, *, warm: bool, transformation: float = 0.0) -> None:
        self.net, self.warm, self.transformation = net, warm, transformation
        clusters = len(net.centroids) // PER_CLUSTER
        self.groups = torch.arange(clusters).repeat_interleave(PER_CLUSTER)

    def module(self, net: nn.Module) -> nn.Module:  # noqa: ARG002
        """The classifier with its centroids."""
        return _Trained(self.net)

    def losses(self, output: tuple[Tensor, Tensor], index: Tensor) -> Tensor:
        """(n,) the loss of the batch, once for each image."""
        codes, centroids = output
        n = len(index)
        plain, copies = codes[:n], codes[n:]
        same = torch.eye(n, device=codes.device).repeat(COPIES, COPIES)
        walker, visit = walker_and_visit(copies, plain, same)
        loss = walker + AUGMENTED_VISIT * visit
        if not self.warm:
            loss = AFTER_KMEANS * loss + self._clusters(centroids, plain)
            if self.transformation:
                both = codes[: 2 * n]  # with one copy of each image
                loss = loss + self.transformation * transformation(both, self.net.logits(both))
        for embedded in (codes, centroids):
            loss = loss + NORM * (embedded.norm(dim=1) - TARGET).square().sum()
        squares = sum(p.square().sum() for p in self.net.net.parameters() if p.dim() > 1)
        return (loss + PENALTY * squares).expand(n)

    def _clusters(self, centroids: Tensor, plain: Tensor) -> Tensor:
        groups = self.groups.to(centroids.device)
        walker, visit = walker_and_visit(
            centroids, plain, (groups[:, None] == groups).to(centroids.dtype)
        )
        logit = F.cross_entropy(self.net.logits(centroids), groups)
        return walker + VISIT * visit + LOGIT * logit


@torch.no_grad()
def place_centroids(net: Associated, samples: Samples, seed: int) -> None:
    """Move the centroids to those of k-means on the embeddings, four near each."""
    codes = outputs_of(StageCode(net.net), samples).numpy()
    clusters = len(net.centroids) // PER_CLUSTER
    found = KMeans(clusters, n_init=10, random_state=seed % 2**32).fit(codes)
    centers = torch.from_numpy(found.cluster_centers_)
    draw = torch.Generator().manual_seed(seed)
    spread = 2e-4 * torch.rand(len(net.centroids), codes.shape[1], generator=draw) - 1e-4
    net.centroids.copy_(centers.repeat_interleave(PER_CLUSTER, 0) + spread)
