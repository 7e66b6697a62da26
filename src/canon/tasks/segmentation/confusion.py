"""Pixel counts of true and predicted classes, and the metrics that follow from them.

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015,
section 5: n_ij is the number of pixels of class i predicted as class j, t_i = sum_j n_ij. What
has nothing to count is nan in a vector and left out of a mean; a mean of nothing is nan. Each
figure takes (K, K) pixel counts, and raises InputError if they are not a square.
"""

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
    true, predicted = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    for name, values in (("truth", true), ("prediction", predicted)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise InputError(
                f"the {name} holds values from {values.min()} to {values.max()}; expected classes "
                f"0 to {classes - 1}. Check the number of classes; {ignore} is ignored."
            )
    counts = np.bincount(true * classes + predicted, minlength=classes**2)
    return counts.reshape(classes, classes)


def pixel_accuracy(confusion: Ints) -> float:
    """Share of pixels that are predicted as what they are, sum_i n_ii / sum_i t_i, in [0, 1]."""
    hits, true, _ = _counts(confusion)
    return float(ratio(hits.sum(), true.sum()))


def mean_accuracy(confusion: Ints) -> float:
    """Mean over classes of the share found, (1/K) sum_i n_ii / t_i, a fraction in [0, 1].

    A class that is not present is left out of the mean.
    """
    hits, true, _ = _counts(confusion)
    return float(mean_of(ratio(hits, true)))


def iou(confusion: Ints) -> Floats:
    """Intersection over union of each class, n_ii / (t_i + sum_j n_ji - n_ii), in [0, 1].

    Shape: (..., K, K) -> (..., K), nan for a class that is neither present nor predicted.
    """
    hits, true, predicted = _counts(confusion)
    return ratio(hits, true + predicted - hits)


def mean_iou(confusion: Ints) -> float:
    """Mean over classes of the intersection over union, a fraction in [0, 1].

        (1/K) sum_i n_ii / (t_i + sum_j n_ji - n_ii)

    A class that is neither present nor predicted has no union and is left out of the mean.

    Args:
        confusion: (K, K) pixel counts.

    Raises:
        InputError: the matrix is not square.
    """
    return float(mean_of(iou(confusion)))


def frequency_weighted_iou(confusion: Ints) -> float:
    """Mean over pixels of the intersection over union of their class, a fraction in [0, 1].

    (1 / sum_k t_k) sum_i t_i n_ii / (t_i + sum_j n_ji - n_ii)
    """
    _, true, _ = _counts(confusion)
    return float(ratio(np.nansum(true * iou(confusion)), true.sum()))


def dice(confusion: Ints) -> Floats:
    """Dice's coefficient of each class, or F1: 2 n_ii / (t_i + sum_j n_ji), in [0, 1].

    L. R. Dice, Ecology 26 (1945).

    Shape: (..., K, K) -> (..., K), nan for a class that is neither present nor predicted.
    """
    hits, true, predicted = _counts(confusion)
    return ratio(2 * hits, true + predicted)


def _counts(confusion: Ints) -> tuple[Ints, Ints, Ints]:
    """n_ii, t_i and sum_j n_ji: the diagonal, the sums of rows and those of columns."""
    if confusion.ndim < 2 or confusion.shape[-1] != confusion.shape[-2]:
        raise InputError(
            f"a confusion matrix of shape {confusion.shape} is not square; expected (K, K) with a "
            "row for each true class. `confusion` makes one from two maps of classes."
        )
    return np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1), confusion.sum(-2)


def ratio(over: Any, under: Any) -> Floats:
    """The quotient, nan where there is nothing to divide by."""
    nothing = np.full(np.shape(under), np.nan)
    return np.divide(over, under, out=nothing, where=np.asarray(under) > 0)


def mean_of(values: Floats) -> Floats:
    """The mean over the last axis of what is not nan."""
    return ratio(np.nansum(values, -1), (~np.isnan(values)).sum(-1))
