"""The classification loss: cross-entropy, label smoothing, auxiliary heads."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.layers.interfaces import AuxiliaryHeads, OwnLoss
from canon.types import Images, Labels, Logits

Losses = Callable[[Logits, Labels], Tensor]
Output = Logits | tuple[Logits, tuple[Logits, ...]]  # the second with auxiliary heads


class WithAuxiliary(nn.Module):
    """A network as it is trained: its forward gives the auxiliary logits too.

    Wrappers for several devices call `forward` alone, so it has to use all that is trained.
    """

    def __init__(self, net: AuxiliaryHeads) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Images) -> Output:
        return self.net.with_aux(x)


@dataclass(frozen=True)
class ClassificationLoss:
    """Cross-entropy, or the loss that belongs to a network (LeNet-5's).

    Args:
        smoothing: share of the target spread over all classes while training, in [0, 1).
        own: the network's loss, one value per sample; it takes the place of cross-entropy.
        auxiliary: weight of each auxiliary head's loss while training (GoogLeNet, section 5).
    """

    smoothing: float = 0.0
    own: Losses | None = None
    auxiliary: float = 0.0

    @classmethod
    def of(cls, net: nn.Module, smoothing: float = 0.0) -> "ClassificationLoss":
        """The loss of a network: its own if it has one, else cross-entropy."""
        own = net.loss if isinstance(net, OwnLoss) else None
        weight = net.aux_weight if isinstance(net, AuxiliaryHeads) else 0.0
        return cls(smoothing, own, weight)

    def module(self, net: nn.Module) -> nn.Module:
        """The module to train: the network, or the network with its auxiliary heads."""
        return WithAuxiliary(net) if isinstance(net, AuxiliaryHeads) else net

    def losses(self, output: Output, labels: Labels) -> Tensor:
        """(N,) nats: the training loss, and a share of that of each auxiliary head."""
        if isinstance(output, Tensor):
            return self._losses(output, labels, self.smoothing)
        logits, auxiliary = output
        total = self._losses(logits, labels, self.smoothing)
        for other in auxiliary:
            total = total + self.auxiliary * self._losses(other, labels, self.smoothing)
        return total

    def _losses(self, logits: Logits, labels: Labels, smoothing: float) -> Tensor:
        if self.own is not None:
            return self.own(logits, labels)
        return F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)

    def sample_figures(self, logits: Logits, labels: Labels) -> Tensor:
        """What the metrics need of each sample; losses without smoothing, so that they compare.

        Where a logit is not a finite number, the true class has the last rank of all.

        Shape: (N, K), (N,) -> (N, 5): label, predicted class, rank, loss, confidence
        """
        confidence, predicted = logits.softmax(1).max(1)
        true = logits.gather(1, labels[:, None])
        places = torch.arange(logits.shape[1], device=logits.device)
        ahead = (logits > true) | ((logits == true) & (places < labels[:, None]))
        losses = self._losses(logits, labels, 0.0)
        rank = torch.where(logits.isfinite().all(1), ahead.sum(1), logits.shape[1])
        columns = (labels, predicted, rank, losses, confidence)
        return torch.stack([column.float() for column in columns], 1)  # exact up to 2^24 classes
