"""Segmentation metrics from the confusion matrix of each image.

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015,
section 5: n_ij is the number of pixels of class i predicted as class j, t_i = sum_j n_ij. What
has nothing to count is nan in a vector and left out of a mean; a mean of nothing is nan. Each
figure takes (K, K) pixel counts, and raises InputError if they are not a square.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.errors import InputError

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


def confusion(truth: Ints, predicted: Ints, classes: int, ignore: int = 255) -> NDArray[np.int64]:
    """(K, K) pixel counts, n_ij; rows are true classes, columns predicted ones.

    Args:
        truth: true classes, of any shape.
        predicted: predicted classes, of the same shape.
        classes: K.
        ignore: the true value of pixels that do not count, whatever is predicted there.

    Raises:
        InputError: the shapes differ, or a counted pixel is of no class.
    """
    if truth.shape != predicted.shape:
        raise InputError(
            f"the truth is {truth.shape} and the prediction {predicted.shape}; expected one "
            "predicted class for each true one. Crop or pad one to the other first."
        )
    counted = truth != ignore
    true, said = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    for name, values in (("truth", true), ("prediction", said)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise InputError(
                f"the {name} holds values from {values.min()} to {values.max()}; expected classes "
                f"0 to {classes - 1}. Check the number of classes; {ignore} is ignored."
            )
    counts = np.bincount(true * classes + said, minlength=classes**2)
    return counts.reshape(classes, classes)


def pixel_accuracy(confusion: Ints) -> float:
    """Share of pixels that are predicted as what they are, sum_i n_ii / sum_i t_i, in [0, 1]."""
    hits, true, _ = _counts(confusion)
    return float(_ratio(hits.sum(), true.sum()))


def mean_accuracy(confusion: Ints) -> float:
    """Mean over classes of the share found, (1/K) sum_i n_ii / t_i, a fraction in [0, 1].

    A class that is not present is left out of the mean.
    """
    hits, true, _ = _counts(confusion)
    return float(_mean(_ratio(hits, true)))


def iou(confusion: Ints) -> Floats:
    """Intersection over union of each class, n_ii / (t_i + sum_j n_ji - n_ii), in [0, 1].

    Shape: (..., K, K) -> (..., K), nan for a class that is neither present nor predicted.
    """
    hits, true, said = _counts(confusion)
    return _ratio(hits, true + said - hits)


def mean_iou(confusion: Ints) -> float:
    """Mean over classes of the intersection over union, a fraction in [0, 1].

        (1/K) sum_i n_ii / (t_i + sum_j n_ji - n_ii)

    A class that is neither present nor predicted has no union and is left out of the mean.

    Args:
        confusion: (K, K) pixel counts.

    Raises:
        InputError: the matrix is not square.
    """
    return float(_mean(iou(confusion)))


def frequency_weighted_iou(confusion: Ints) -> float:
    """Mean over pixels of the intersection over union of their class, a fraction in [0, 1].

    (1 / sum_k t_k) sum_i t_i n_ii / (t_i + sum_j n_ji - n_ii)
    """
    _, true, _ = _counts(confusion)
    return float(_ratio(np.nansum(true * iou(confusion)), true.sum()))


def dice(confusion: Ints) -> Floats:
    """Dice's coefficient of each class, or F1: 2 n_ii / (t_i + sum_j n_ji), in [0, 1].

    L. R. Dice, Ecology 26 (1945).

    Shape: (..., K, K) -> (..., K), nan for a class that is neither present nor predicted.
    """
    hits, true, said = _counts(confusion)
    return _ratio(2 * hits, true + said)


@dataclass(frozen=True)
class SegmentationMetrics:
    """What a network said of each pixel of N images in K classes, and the figures that follow.

    Figures of a class or a data set are those of the sum of all images' matrices, as in the
    paper; they are not means over images.

    Args:
        classes: K.
        confusions: (N, K, K) int64 pixel counts of each image.
        losses: (N,) float64 mean nats a counted pixel of each image.
    """

    classes: int
    confusions: NDArray[np.int64]
    losses: Floats

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
        return float(_ratio(self.losses[some] @ self.pixels[some], self.pixels.sum()))

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
    def merit(self) -> tuple[float, float]:
        """What is greater for a better network: mean IoU, then the loss in nats, negated."""
        return self.mean_iou, -self.loss

    @property
    def error(self) -> float:
        """1 - mean IoU, a fraction in [0, 1]."""
        return 1 - self.mean_iou

    def per_image(self) -> Floats:
        """(N,) mean IoU of each image over the classes there; nan without a counted pixel."""
        return _mean(iou(self.confusions))

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
        return float(_ratio(true.max(), true.sum() * (true > 0).sum()))

    def summary(self) -> dict[str, Any]:
        """The figures for a line of a log: counts, nats, fractions in [0, 1], None for nan."""
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
        whole = {"count": self.count, "pixels": int(self.pixels.sum())}
        return whole | {name: _plain(value) for name, value in figures.items()}


def _counts(confusion: Ints) -> tuple[Ints, Ints, Ints]:
    """n_ii, t_i and sum_j n_ji: the diagonal, the sums of rows and those of columns."""
    if confusion.ndim < 2 or confusion.shape[-1] != confusion.shape[-2]:
        raise InputError(
            f"a confusion matrix of shape {confusion.shape} is not square; expected (K, K) with a "
            "row for each true class. `confusion` makes one from two maps of classes."
        )
    return np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1), confusion.sum(-2)


def _ratio(over: Any, under: Any) -> Floats:
    """The quotient, nan where there is nothing to divide by."""
    nothing = np.full(np.shape(under), np.nan)
    return np.divide(over, under, out=nothing, where=np.asarray(under) > 0)


def _mean(values: Floats) -> Floats:
    """The mean over the last axis of what is not nan."""
    return _ratio(np.nansum(values, -1), (~np.isnan(values)).sum(-1))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if np.isnan(value) else value
