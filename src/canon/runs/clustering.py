"""The run folder of a clustering."""

import torch
from torch import nn

from canon.layers.auto_encoder import AutoEncoder
from canon.layers.clusters import LogProbabilities, NearestClusters, StageCode, StudentClusters
from canon.models import build
from canon.runs.folder import Run
from canon.weights import load_exact


class ClusterRun(Run):
    """A run whose network gives the log probabilities of clusters."""

    @property
    def clusters(self) -> tuple[str, ...]:
        """Their names: numbers from 0."""
        assert self.record.clustering is not None
        return tuple(map(str, range(self.record.clustering.k)))

    def network(self) -> nn.Module:
        """The network that assigns, with the run's weights, on the CPU."""
        net = self._head(build(self.model, **self.record.model_args))
        load_exact(net, self.model, self.checkpoint())
        return net

    def _head(self, net: nn.Module) -> nn.Module:
        record = self.record.clustering
        assert record is not None
        if record.head == "logits":
            return LogProbabilities(net)
        if record.head == "nearest":
            codes = torch.zeros(record.known, record.code)
            labels = torch.zeros(record.known, dtype=torch.int64)
            return NearestClusters(StageCode(net, record.stage), codes, labels, record.k)
        assert isinstance(net, AutoEncoder)
        return StudentClusters(net, torch.zeros(record.k, record.code))
