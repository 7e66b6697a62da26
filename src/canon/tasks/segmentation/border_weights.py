"""U-Net's border weights: the narrow gaps between touching cells weigh more.

Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015, section 3.
"""

from collections.abc import Sequence
from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from canon.errors import InputError

NEGLIGIBLE = 1e-6  # a smaller second term is left out, so that a cell reaches a few sigma only


def border_weights(
    mask: NDArray[np.uint8],
    class_weights: Sequence[float],
    *,
    w0: float = 10.0,
    sigma: float = 5.0,
    background: int = 0,
    ignore: int = 255,
) -> NDArray[np.float32]:
    """The weight of each pixel in U-Net's loss, equation (2).

        w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2))

    d1 and d2 are the distances from x to the nearest pixel of the nearest cell and of the second
    nearest, in pixels; two cells that are one pixel apart have d1 = d2 = 1 between them. Cells
    are the 4-connected components of each class but the background, so that a gap one pixel wide
    separates on a slant too. The second term is for background pixels only, and nothing where
    there are fewer than two cells.

    Args:
        mask: (H, W) classes.
        class_weights: w_c of each class, K values; they take the place of `Segment`'s weights.
        w0: the second term where cells touch.
        sigma: its reach, in pixels.
        background: the class between cells.
        ignore: the value of pixels that do not count; they weigh 0.

    Raises:
        InputError: the mask is not (H, W) classes, or w0 or sigma cannot be used.
    """
    _check(mask, len(class_weights), w0, sigma, ignore)
    counted = mask != ignore
    weights = np.zeros(mask.shape, np.float32)
    weights[counted] = np.asarray(class_weights, np.float32)[mask[counted]]
    gaps = mask == background
    reach = ceil(sigma * sqrt(2 * log(w0 / NEGLIGIBLE))) if w0 > NEGLIGIBLE else 0
    distance = _two_nearest(_cells(mask, counted & ~gaps), reach)[:, gaps].sum(0)
    weights[gaps] += w0 * np.exp(-(distance**2) / (2 * sigma**2))
    return weights


def _cells(mask: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(H, W) a number for each connected component of each class, 0 outside."""
    labels = np.zeros(mask.shape, np.int32)
    for one in np.unique(mask[inside]):
        components, _ = ndimage.label(mask == one)
        labels += np.where(components > 0, components + labels.max(), 0)
    return labels


def _two_nearest(labels: NDArray[np.int32], reach: int) -> NDArray[np.float32]:
    """(2, H, W) distances to the nearest two cells, infinite for what is beyond the reach.

    Each cell is looked at within its bounding box and the reach around it.
    """
    nearest = np.full((2, *labels.shape), np.inf, np.float32)
    for cell, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        box = _wider(rows, reach), _wider(columns, reach)
        distance = ndimage.distance_transform_edt(labels[box] != cell)
        first, second = nearest[:, *box]
        np.minimum(second, np.maximum(first, distance), out=second, casting="same_kind")
        np.minimum(first, distance, out=first, casting="same_kind")
    return nearest


def _wider(part: slice, reach: int) -> slice:
    return slice(max(0, part.start - reach), part.stop + reach)


def _check(mask: NDArray[np.uint8], classes: int, w0: float, sigma: float, ignore: int) -> None:
    if mask.ndim != 2:
        raise InputError(
            f"a mask of shape {mask.shape} is not one image; expected (H, W). Pass one at a time."
        )
    if not (0 <= w0 < float("inf") and 0 < sigma < float("inf")):
        raise InputError(
            f"w0 = {w0} and sigma = {sigma} give no weights; expected w0 of 0 or more and sigma "
            "above 0. U-Net has 10 and 5 pixels."
        )
    strange = np.setdiff1d(mask, [*range(classes), ignore])
    if strange.size:
        raise InputError(
            f"the mask holds {strange[0]}, and {classes} class weights were given; expected "
            f"classes 0 to {classes - 1}, or {ignore} for what is ignored. Give one weight a class."
        )
