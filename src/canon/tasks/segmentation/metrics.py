"""Segmentation metrics from the confusion matrix of each image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.tasks.segmentation.confusion import (
    Floats,
    dice,
    frequency_weighted_iou,
    iou,
    mean_accuracy,
    mean_iou,
    mean_of,
    pixel_accuracy,
    ratio,
)
from canon.tasks.segmentation.rand_error import RandErrors
from canon.utils.tables import Column, Figure, Table


@dataclass(frozen=True)
class SegmentationMetrics:
    """The metrics of a segmentation of N images into K classes.

    Figures of a class or a data set are those of the sum of all images' matrices, as in the
    paper; they are not means over images.

    Args:
        classes: K.
        confusions: (N, K, K) int64 pixel counts of each image.
        losses: (N,) float64 mean nats per counted pixel of each image.
        rand: the Rand and pixel errors, if they were computed.
    """

    classes: int
    confusions: NDArray[np.int64]
    losses: Floats
    rand: RandErrors | None = None

    @property
    def count(self) -> int:
        """N."""
        return len(self.confusions)

    @property
    def pixels(self) -> NDArray[np.int64]:
        """(N,) counted pixels of each image."""
        return self.confusions.sum((1, 2))

    @property
    def loss(self) -> float:
        """Mean loss over all counted pixels, nats."""
        some = self.pixels > 0
        return float(ratio(self.losses[some] @ self.pixels[some], self.pixels.sum()))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K) pixel counts of all images."""
        return self.confusions.sum(0)

    @property
    def pixel_accuracy(self) -> float:
        """A fraction in [0, 1]."""
        return pixel_accuracy(self.confusion)

    @property
    def mean_accuracy(self) -> float:
        """A fraction in [0, 1]."""
        return mean_accuracy(self.confusion)

    @property
    def mean_iou(self) -> float:
        """A fraction in [0, 1]."""
        return mean_iou(self.confusion)

    @property
    def frequency_weighted_iou(self) -> float:
        """A fraction in [0, 1]."""
        return frequency_weighted_iou(self.confusion)

    @property
    def iou(self) -> Floats:
        """(K,) intersection over union, fractions in [0, 1] or nan."""
        return iou(self.confusion)

    @property
    def dice(self) -> Floats:
        """(K,) Dice's coefficients, fractions in [0, 1] or nan."""
        return dice(self.confusion)

    @property
    def ranking(self) -> tuple[float, float]:
        """Greater for a better network: mean IoU, then the negative loss."""
        return self.mean_iou, -self.loss

    @property
    def monitored(self) -> Figure:
        """The mean IoU."""
        return Figure("mean IoU", _plain(self.mean_iou))

    @property
    def error(self) -> float:
        """1 - mean IoU, a fraction in [0, 1]."""
        return 1 - self.mean_iou

    def per_image(self) -> Floats:
        """(N,) mean IoU of each image over the classes there; nan without a counted pixel."""
        return mean_of(iou(self.confusions))

    def worst(self, count: int) -> NDArray[np.int64]:
        """Positions of the images of lowest mean IoU, the lowest first."""
        means = self.per_image()
        order = np.argsort(means, kind="stable")  # nan comes last
        return order[~np.isnan(means[order])][:count]

    def constant(self) -> float:
        """Mean IoU of the best prediction of one class everywhere, a fraction in [0, 1].

        Predicting i everywhere gives i the IoU t_i / sum_k t_k and the other classes present 0.
        """
        true = self.confusion.sum(1)
        return float(ratio(true.max(), true.sum() * (true > 0).sum()))

    def figures(self) -> tuple[Figure, ...]:
        """Mean IoU, that of a constant prediction, accuracies, loss; Rand errors if computed."""
        fractions = {
            "mean IoU": self.mean_iou,
            "mean IoU of the best constant prediction": self.constant(),
            "pixel accuracy": self.pixel_accuracy,
            "mean accuracy": self.mean_accuracy,
            "frequency-weighted IoU": self.frequency_weighted_iou,
        }
        if self.rand is not None:
            fractions |= {"Rand error": self.rand.rand, "pixel error": self.rand.pixel}
        return (
            *(Figure(name, _plain(value)) for name, value in fractions.items()),
            Figure("images", self.count, "count"),
            Figure("loss", _plain(self.loss), "nats"),
        )

    def per_class(self, classes: Sequence[str]) -> Table:
        """Pixels, their share, IoU, Dice and recall of each class."""
        pixels = self.confusion.sum(1)
        share, recall = pixels / max(1, int(pixels.sum())), ratio(self.confusion.diagonal(), pixels)
        cells = (column.tolist() for column in (pixels, share, self.iou, self.dice, recall))
        rates = (Column(name, "fraction") for name in ("share", "IoU", "Dice", "recall"))
        columns = Column("class"), Column("pixels", "count"), *rates
        return Table(columns, tuple(zip(classes, *cells, strict=True)))

    def summary(self) -> dict[str, Any]:
        """The figures as plain JSON: counts, nats, fractions in [0, 1], None for nan."""
        figures = {
            "loss": self.loss,
            "mean_iou": self.mean_iou,
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "constant": self.constant(),
            "iou": self.iou.tolist(),
            "dice": self.dice.tolist(),
        }
        if self.rand is not None:
            figures |= {"rand_error": self.rand.rand, "pixel_error": self.rand.pixel}
        whole = {"count": self.count, "pixels": int(self.pixels.sum())}
        return whole | {name: _plain(value) for name, value in figures.items()}

    def details(self, classes: Sequence[str]) -> dict[str, Any]:
        """The summary, the classes and the confusion matrix."""
        per_class = self.per_class(classes).records()
        return self.summary() | {"classes": per_class, "confusion": self.confusion.tolist()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if np.isnan(value) else value
