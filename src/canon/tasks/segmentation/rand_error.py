"""The Rand and pixel errors of the ISBI 2012 challenge.

Arganda-Carreras et al., "Crowdsourcing the creation of image segmentation algorithms for
connectomics", Frontiers in Neuroanatomy 9:142 (2015), doi:10.3389/fnana.2015.00142. As in the
challenge's program, Fiji's `RandError` and `PixelError`, cells are 4-connected and a pixel is
inside if its probability is above the threshold. Counts are added up over images.

Not here: the warping error, and the thinning of borders that the later leader board asks for.
The board of 2012, which U-Net's paper quotes, counts pairs of different pixels, n (n - 1) for
n^2 here; on the challenge's masks, eroded, the errors differ by 0.02 % of themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from canon.errors import InputError

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

NONE = ((0, 0, 0),) * 3
CROSS = (NONE, ((0, 1, 0), (1, 1, 1), (0, 1, 0)), NONE)  # neighbours within an image of a stack


@dataclass(frozen=True)
class RandErrors:
    """The errors at each threshold; the figures are those at the best one.

    Args:
        thresholds: of the probability, T values.
        rands: Rand errors, fractions in [0, 1].
        pixels: pixel errors, fractions in [0, 1].
    """

    thresholds: tuple[float, ...]
    rands: tuple[float, ...]
    pixels: tuple[float, ...]

    @property
    def rand(self) -> float:
        """The least Rand error, 1 - the greatest F-score."""
        return min(self.rands)

    @property
    def pixel(self) -> float:
        """The least pixel error, 1 - the greatest F-score."""
        return min(self.pixels)

    @property
    def rand_threshold(self) -> float:
        """The threshold of the least Rand error."""
        return self.thresholds[self.rands.index(self.rand)]

    @property
    def pixel_threshold(self) -> float:
        """The threshold of the least pixel error."""
        return self.thresholds[self.pixels.index(self.pixel)]


def rand_error(truth: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]]) -> float:
    """1 - the foreground-restricted Rand F-score of two label maps, a fraction in [0, 1].

        V = sum_ij p_ij^2 / (alpha sum_k s_k^2 + (1 - alpha) sum_k t_k^2),  alpha = 1/2

    p_ij is the number of pixels in predicted cell i and true cell j, s_i that of the predicted
    cell and t_j that of the true one, among the pixels of true cells. Of these, a pixel predicted
    as membrane is a predicted cell of its own.

    Args:
        truth: cells numbered from 1, 0 for membrane; of any shape.
        predicted: the same of the prediction.

    Returns:
        The error; nan if there is no true cell.

    Raises:
        InputError: the shapes differ, or a label is negative.
    """
    _check(truth, predicted)
    if min(truth.min(initial=0), predicted.min(initial=0)) < 0:
        raise InputError(
            "a label is negative; expected 0 for membrane and cells from 1. Number the cells, as "
            "`cells` does."
        )
    inside = truth > 0
    true, cells_of = truth[inside], predicted[inside]
    if not true.size:
        return float("nan")
    shape = int(cells_of.max()) + 1, int(true.max()) + 1
    joint = sparse.coo_array((np.ones(true.size, np.int64), (cells_of, true)), shape).tocsr()
    alone = joint[[0]].sum()  # each a cell of its own: 1^2
    p = joint[1:]
    both = (p.data**2).sum() + alone
    s2, t2 = (p.sum(1) ** 2).sum() + alone, (joint.sum(0) ** 2).sum()
    return float(1 - both / (0.5 * s2 + 0.5 * t2))


def errors_by_threshold(
    truth: NDArray[np.bool_],
    probability: NDArray[np.floating[Any]],
    thresholds: Sequence[float] = THRESHOLDS,
) -> RandErrors:
    """The Rand error and the pixel error of N images over thresholds.

    The pixel error is 1 - the F-score of the pixels inside cells, 2 TP / (2 TP + FP + FN), as
    the challenge defines it; it is not the share of wrong pixels, which counts membranes as hits.

    Args:
        truth: (N, H, W) whether a pixel is inside a cell.
        probability: (N, H, W) of being inside a cell, in [0, 1].
        thresholds: above which a pixel is predicted to be inside.

    Returns:
        The errors; nan if there is no true cell.

    Raises:
        InputError: not two stacks of one shape, or no threshold.
    """
    _check(truth, probability)
    if truth.ndim != 3 or not thresholds:
        raise InputError(
            f"a stack of shape {truth.shape} and {len(thresholds)} thresholds give no error; "
            "expected (N, H, W) and one or more. Add the first axis to a single image."
        )
    true = cells(truth)
    rands, pixels = [], []
    for threshold in thresholds:
        above = probability > threshold
        rands.append(rand_error(true, cells(above)))
        pixels.append(_pixel_error(true > 0, above))
    return RandErrors(tuple(thresholds), tuple(rands), tuple(pixels))


def cells(inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(N, H, W) a number for each 4-connected part of each image, from 1; 0 outside.

    Args:
        inside: (N, H, W).
    """
    labels, _ = ndimage.label(inside, CROSS)
    return labels


def _pixel_error(true: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    hits, sizes = int((true & predicted).sum()), int(true.sum()) + int(predicted.sum())
    return 1 - 2 * hits / sizes if true.any() else float("nan")


def _check(truth: NDArray[Any], predicted: NDArray[Any]) -> None:
    if truth.shape != predicted.shape:
        raise InputError(
            f"the truth is {truth.shape} and the prediction {predicted.shape}; expected one shape. "
            "Crop or pad one to the other first."
        )
