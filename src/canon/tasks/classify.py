"""Classification: one label an image."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.tasks.metrics import Scores
from canon.types import Labels, Logits

Losses = Callable[[Logits, Labels], Tensor]


@dataclass(frozen=True)
class Classify:
    """Cross-entropy, or the loss that belongs to a network (LeNet-5's).

    Args:
        classes: K.
        smoothing: share of the target spread over all classes while training, in [0, 1).
        own: the network's loss, one value a sample; it takes the place of cross-entropy.
    """

    classes: int
    smoothing: float = 0.0
    own: Losses | None = None

    @classmethod
    def of(cls, net: nn.Module, classes: int, smoothing: float = 0.0) -> "Classify":
        """The task for a network, with its own loss if it has one."""
        return cls(classes, smoothing, getattr(net, "loss", None))

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

    def scores(self, record: Tensor) -> Scores:
        """The figures of all recorded samples, (N, 5)."""
        labels, predicted, rank, losses, confidence = record.cpu().numpy().T
        whole = (column.astype("int64") for column in (labels, predicted, rank))
        real = (column.astype("float32") for column in (losses, confidence))
        return Scores(self.classes, *whole, *real)
