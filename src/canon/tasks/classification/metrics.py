"""Classification metrics from one record of each sample."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054  # the normal quantile that leaves 2.5 % on each side


def wilson(hits: int, count: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, fractions in [0, 1].

    E. B. Wilson, JASA 22 (1927):

        (p + z^2/2n +- z sqrt(p (1-p)/n + z^2/4n^2)) / (1 + z^2/n),  p = hits/n

    Args:
        hits: successes.
        count: trials, n; the interval of no trials is the whole of [0, 1].
        z: normal quantile; 1.96 gives 95 %.
    """
    if count == 0:
        return 0.0, 1.0
    p, z2n = hits / count, z * z / count
    middle, half = p + z2n / 2, z * sqrt(p * (1 - p) / count + z2n / (4 * count))
    return max(0.0, (middle - half) / (1 + z2n)), min(1.0, (middle + half) / (1 + z2n))


@dataclass(frozen=True)
class ClassificationMetrics:
    """What a classifier said of N samples of K classes, and the figures that follow.

    Args:
        classes: K.
        labels: (N,) int64 true classes.
        predicted: (N,) int64 likeliest classes.
        rank: (N,) int64 place of the true class among all, from 0.
        losses: (N,) float32, nats.
        confidence: (N,) float32 probability of the predicted class.
    """

    classes: int
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    rank: NDArray[np.int64]
    losses: NDArray[np.float32]
    confidence: NDArray[np.float32]

    @property
    def count(self) -> int:
        """N."""
        return len(self.labels)

    @property
    def loss(self) -> float:
        """Mean loss, nats."""
        return float(self.losses.mean(dtype=np.float64))

    def hits(self, k: int = 1) -> int:
        """Samples whose true class is among the k likeliest."""
        return int((self.rank < k).sum())

    def top(self, k: int = 1) -> float:
        """Top-k accuracy, a fraction in [0, 1]."""
        return self.hits(k) / self.count

    @property
    def error(self) -> float:
        """Top-1 error, a fraction in [0, 1]."""
        return 1 - self.top(1)

    @property
    def merit(self) -> tuple[float, float]:
        """What is greater for a better network: top-1 accuracy, then the loss in nats, negated."""
        return self.top(1), -self.loss

    def interval(self, k: int = 1) -> tuple[float, float]:
        """95 % confidence interval of the top-k accuracy (Wilson)."""
        return wilson(self.hits(k), self.count)

    def confusion(self) -> NDArray[np.int64]:
        """(K, K) sample counts; rows are true classes, columns predicted ones."""
        pairs = self.labels * self.classes + self.predicted
        counts = np.bincount(pairs, minlength=self.classes**2)
        return counts.reshape(self.classes, self.classes)

    def recall(self) -> NDArray[np.float64]:
        """(K,) found among the true ones of each class; nan for a class without samples."""
        return _ratio(self.confusion(), axis=1)

    def precision(self) -> NDArray[np.float64]:
        """(K,) true among those predicted as each class; nan for a class never predicted."""
        return _ratio(self.confusion(), axis=0)

    def worst(self, count: int) -> NDArray[np.int64]:
        """Positions of the wrongly classified samples of highest loss, the highest first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")][:count]

    def summary(self) -> dict[str, float | int | list[float]]:
        """The figures for a line of a log: counts, fractions in [0, 1], nats."""
        return {
            "count": self.count,
            "loss": self.loss,
            "top1": self.top(1),
            "top1_interval": list(self.interval(1)),
            "top5": self.top(min(5, self.classes)),
        }


def _ratio(confusion: NDArray[np.int64], axis: int) -> NDArray[np.float64]:
    total = confusion.sum(axis).astype(np.float64)
    total[total == 0] = np.nan
    return np.diagonal(confusion) / total
