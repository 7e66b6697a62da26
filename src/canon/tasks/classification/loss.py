"""The classification loss: cross-entropy, label smoothing, auxiliary heads."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.tasks.classification.metrics import ClassificationMetrics
from canon.types import Images, Labels, Logits

Losses = Callable[[Logits, Labels], Tensor]
Output = (
    Logits | tuple[Logits, tuple[Logits, ...]]
)  # with those of auxiliary heads, if there are any


class WithAuxiliary(nn.Module):
    """A network as it is trained: its forward gives the auxiliary logits too.

    Wrappers for several devices call `forward` alone, so it has to use all that is trained.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Images) -> Output:
        return self.net.with_aux(x)  # type: ignore[operator]


@dataclass(frozen=True)
class ClassificationLoss:
    """Cross-entropy, or the loss that belongs to a network (LeNet-5's).

    Args:
        classes: K.
        smoothing: share of the target spread over all classes while training, in [0, 1).
        own: the network's loss, one value a sample; it takes the place of cross-entropy.
        auxiliary: weight of each auxiliary head's loss while training (GoogLeNet, section 5).
    """

    classes: int
    smoothing: float = 0.0
    own: Losses | None = None
    auxiliary: float = 0.0

    @classmethod
    def of(cls, net: nn.Module, classes: int, smoothing: float = 0.0) -> "ClassificationLoss":
        """The task for a network, with its own loss if it has one."""
        own, weight = getattr(net, "loss", None), getattr(net, "aux_weight", 0.0)
        return cls(classes, smoothing, own, weight)

    def trained(self, net: nn.Module) -> nn.Module:
        """The module to train: the network, or with what it says in auxiliary heads."""
        return WithAuxiliary(net) if hasattr(net, "with_aux") else net

    def training_losses(self, said: Output, labels: Labels) -> Tensor:
        """(N,) nats: the loss, and a share of that of each auxiliary head."""
        if isinstance(said, Tensor):
            return self.losses(said, labels)
        logits, others = said
        total = self.losses(logits, labels)
        for other in others:
            total = total + self.auxiliary * self.losses(other, labels)
        return total

    def losses(self, logits: Logits, labels: Labels, smoothing: float | None = None) -> Tensor:
        """(N,) nats. Evaluation passes no smoothing, so that its losses compare."""
        if self.own is not None:
            return self.own(logits, labels)
        share = self.smoothing if smoothing is None else smoothing
        return F.cross_entropy(logits, labels, reduction="none", label_smoothing=share)

    def record(self, logits: Logits, labels: Labels) -> Tensor:
        """What `scores` needs of each sample.

        Shape: (N, K), (N,) -> (N, 5): label, predicted class, rank, loss, confidence
        """
        confidence, predicted = logits.softmax(1).max(1)
        true = logits.gather(1, labels[:, None])
        places = torch.arange(logits.shape[1], device=logits.device)
        ahead = (logits > true) | ((logits == true) & (places < labels[:, None]))
        columns = (labels, predicted, ahead.sum(1), self.losses(logits, labels, 0.0), confidence)
        return torch.stack([column.float() for column in columns], 1)  # exact up to 2^24 classes

    def scores(self, record: Tensor) -> ClassificationMetrics:
        """The figures of all recorded samples, (N, 5)."""
        labels, predicted, rank, losses, confidence = record.cpu().numpy().T
        whole = (column.astype("int64") for column in (labels, predicted, rank))
        real = (column.astype("float32") for column in (losses, confidence))
        return ClassificationMetrics(self.classes, *whole, *real)
