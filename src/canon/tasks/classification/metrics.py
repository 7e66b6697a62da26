"""Classification metrics from a record of each sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from canon.utils.tables import Column, Figure, Table


def wilson(hits: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, fractions in [0, 1].

    E. B. Wilson, JASA 22 (1927), by scipy; the interval of no trials is the whole of [0, 1].

    Args:
        hits: successes.
        count: trials.
        confidence: of the interval.
    """
    from scipy.stats import binomtest  # noqa: PLC0415  # a fifth of a second to import

    if count == 0:
        return 0.0, 1.0
    interval = binomtest(hits, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class ClassificationMetrics:
    """The metrics of a classifier on N samples of K classes.

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

    @classmethod
    def of(cls, figures: Tensor, classes: int) -> Self:
        """From `ClassificationLoss.sample_figures` of all samples, (N, 5)."""
        labels, predicted, rank, losses, confidence = figures.cpu().numpy().T
        whole = (column.astype("int64") for column in (labels, predicted, rank))
        real = (column.astype("float32") for column in (losses, confidence))
        return cls(classes, *whole, *real)

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
    def ranking(self) -> tuple[float, float]:
        """Greater for a better network: top-1 accuracy, then the negative loss."""
        return self.top(1), -self.loss

    @property
    def monitored(self) -> Figure:
        """The top-1 error."""
        low, high = self.interval(1)
        return Figure("error", self.error, interval=(1 - high, 1 - low))

    def interval(self, k: int = 1) -> tuple[float, float]:
        """Wilson's 95 % confidence interval of the top-k accuracy."""
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

    def figures(self) -> tuple[Figure, ...]:
        """Top-1 and, of more than five classes, top-5 accuracy; wrong samples; loss."""
        tops = (1, 5) if self.classes > 5 else (1,)
        wrong = Figure("wrong", self.count - self.hits(1), "count")
        return (
            *(Figure(f"top-{k}", self.top(k), interval=self.interval(k)) for k in tops),
            wrong,
            Figure("images", self.count, "count"),
            Figure("loss", self.loss, "nats"),
        )

    def per_class(self, classes: Sequence[str]) -> Table:
        """Images, recall and precision of each class."""
        head = Column("class"), Column("images", "count")
        rates = Column("recall", "fraction"), Column("precision", "fraction")
        counts = self.confusion().sum(1).tolist()
        cells = counts, self.recall().tolist(), self.precision().tolist()
        return Table((*head, *rates), tuple(zip(classes, *cells, strict=True)))

    def summary(self) -> dict[str, Any]:
        """The figures as plain JSON: counts, fractions in [0, 1], nats."""
        return {
            "count": self.count,
            "loss": self.loss,
            "top1": self.top(1),
            "top1_interval": list(self.interval(1)),
            "top5": self.top(min(5, self.classes)),
        }

    def details(self, classes: Sequence[str]) -> dict[str, Any]:
        """The summary, the classes and the confusion matrix."""
        per_class = self.per_class(classes).records()
        return self.summary() | {"classes": per_class, "confusion": self.confusion().tolist()}


def _ratio(confusion: NDArray[np.int64], axis: int) -> NDArray[np.float64]:
    total = confusion.sum(axis).astype(np.float64)
    total[total == 0] = np.nan
    return np.diagonal(confusion) / total
