"""Clusters in a space of codes: by distance to their centres, or by the nearest known codes."""

import torch
from torch import Tensor, nn

from canon.layers.auto_encoder import AutoEncoder
from canon.layers.interfaces import Encodes
from canon.layers.stages import require_stage, taps
from canon.types import Images, Logits


class StageCode(nn.Module):
    """The output of a named stage as a code; maps are averaged.

    Args:
        net: a network of named stages.
        stage: the name; None means the network's own code, else its last stage.

    Shape: (N, C, H, W) -> (N, D)
    """

    def __init__(self, net: nn.Module, stage: str | None = None) -> None:
        super().__init__()
        self.net, self.stage = net, stage

    def forward(self, x: Images) -> Tensor:
        if self.stage is None and isinstance(self.net, Encodes):
            return self.net.encode(x)
        features = self.net.get_submodule("features")
        assert isinstance(features, nn.Sequential)
        y = features(x) if self.stage is None else taps(features, x)[self.stage]
        return mean_of_maps(y)


def mean_of_maps(y: Tensor) -> Tensor:
    """The mean of each map, (N, C, H, W) -> (N, C); codes (N, D) unchanged."""
    return y.mean((2, 3)) if y.dim() == 4 else y.flatten(1)


class StudentClusters(nn.Module):
    """An auto-encoder and cluster centres: soft assignments by Student's t distribution.

    Xie, Girshick, Farhadi, ICML 2016, equation 1, with one degree of freedom:

        q_ij = (1 + |z_i - mu_j|^2)^-1 / sum_j' (1 + |z_i - mu_j'|^2)^-1

    Args:
        net: the auto-encoder.
        centers: (K, D) first centres.
        unit: distance that counts as 1.

    Shape: (N, C, H, W) -> (N, K), log q
    """

    unit: Tensor

    def __init__(self, net: AutoEncoder, centers: Tensor, unit: float = 1.0) -> None:
        super().__init__()
        self.net = net
        self.centers = nn.Parameter(centers.clone())
        self.register_buffer("unit", torch.tensor(unit))

    def assign(self, codes: Tensor) -> Logits:
        """Log q of codes (N, D): (N, K)."""
        distances = squared_distances(codes / self.unit, self.centers / self.unit)
        return (-torch.log1p(distances)).log_softmax(1)

    def forward(self, x: Images) -> Logits:
        return self.assign(self.net.encode(x))


class NearestClusters(nn.Module):
    """A network that gives codes, and known codes with their clusters.

    A new image gets the cluster that most of its nearest known codes have.

    Args:
        code: the network.
        codes: (M, D) known codes.
        labels: (M,) int64 their clusters.
        clusters: K.
        neighbours: how many of the nearest codes vote.

    Shape: (N, C, H, W) -> (N, K), log of the shares of votes
    """

    codes: Tensor
    labels: Tensor

    def __init__(
        self, code: nn.Module, codes: Tensor, labels: Tensor, clusters: int, neighbours: int = 15
    ) -> None:
        super().__init__()
        self.code, self.clusters = code, clusters
        self.neighbours = min(neighbours, len(codes))
        self.register_buffer("codes", codes.clone())
        self.register_buffer("labels", labels.clone())

    def forward(self, x: Images) -> Logits:
        distances = squared_distances(self.code(x), self.codes)
        nearest = self.labels[distances.topk(self.neighbours, largest=False).indices]
        votes = nn.functional.one_hot(nearest, self.clusters).float().mean(1)
        return (votes + 1e-6).log().log_softmax(1)


class LogProbabilities(nn.Module):
    """A classifier whose output is normalised.

    Shape: (N, C, H, W) -> (N, K)
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Images) -> Logits:
        return self.net(x).log_softmax(1)


def code_of(net: nn.Module, stage: str | None = None) -> nn.Module:
    """The network that gives the codes of a clustering or of any other network.

    Args:
        net: the network.
        stage: another stage of it, by name; None means the code, or the last stage.

    Raises:
        InputError: it has no such stage.
    """
    if isinstance(net, NearestClusters):
        if stage is None or not isinstance(net.code, StageCode):
            return net.code
        net = net.code.net
    if isinstance(net, (StudentClusters, LogProbabilities)):
        net = net.net
    if stage is not None:
        require_stage(net, stage)
    return StageCode(net, stage)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2 of rows (N, D) and (M, D): (N, M), never negative."""
    products = a @ b.T
    return (a.square().sum(1)[:, None] - 2 * products + b.square().sum(1)).clamp_min(0)
