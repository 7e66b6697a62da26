"""The segmentation loss: weighted cross-entropy and Dice."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from canon.data.augment.mask_batches import PixelTarget
from canon.data.types import IGNORE
from canon.errors import DataError, InputError

LogitMaps = Annotated[Tensor, "(N, K, h, w) float, logits of each pixel"]
ClassMaps = Annotated[Tensor, "(N, h, w) int64, class indices, 255 where ignored"]


@dataclass(frozen=True)
class SegmentationLoss:
    """Cross-entropy of each pixel, weighted by its class and by its place, and Dice's loss.

    Args:
        classes: K, at most 255.
        weights: w_k of each class while training, such as `median_frequency`; None for 1.
        dice: the share of Dice's loss that is added while training.

    Raises:
        InputError: the number of classes, a weight or the share cannot be used.
    """

    classes: int
    weights: tuple[float, ...] | None = None
    dice: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.classes <= IGNORE:
            raise InputError(
                f"{self.classes} classes are too many or too few; expected 1 to {IGNORE}, as "
                f"{IGNORE} marks ignored pixels. Merge classes."
            )
        if self.weights is not None and len(self.weights) != self.classes:
            raise InputError(
                f"{len(self.weights)} weights for {self.classes} classes; expected one for each. "
                "Give the missing ones, or none at all."
            )
        for value in (*(self.weights or ()), self.dice):
            if not 0 <= value < float("inf"):
                raise InputError(
                    f"a weight of {value} cannot be used; expected a finite number of 0 or more. "
                    "Give 0 to leave a class or Dice's loss out."
                )

    def module(self, net: nn.Module) -> nn.Module:
        """The module to train: the network itself."""
        return net

    def losses(self, output: LogitMaps, target: PixelTarget) -> Tensor:
        """(N,) the weighted cross-entropy in nats, and a share of Dice's loss.

            (1/M) sum_x w_k(x) w(x) (-log p_k(x)(x))  +  dice (1 - D)

        x runs over the M counted pixels of a sample, k(x) is the class there. The sum is divided
        by M, not by the sum of weights: as in SegNet's Caffe, and in U-Net's and FCN's sums but
        for a constant. Divided by the weights, they would cancel in a sample of one class. A
        sample without a counted pixel has the loss 0 and no gradient.

        Raises:
            InputError: the scores and the classes are not of one size.
        """
        logits = _full(output)
        weights = None
        if self.weights is not None:  # not blocking: the loop does not wait for the device here
            weights = torch.tensor(self.weights, dtype=logits.dtype)
            weights = weights.to(logits.device, non_blocking=True)
        losses = _mean_nats(logits, target.classes, weights, target.weight)
        if self.dice:
            losses = losses + self.dice * dice_losses(logits, target.classes)
        return losses


def sample_losses(logits: LogitMaps, classes: ClassMaps) -> Tensor:
    """(N,) mean nats per counted pixel, unweighted, so that evaluations compare; 0 for none.

    Raises:
        InputError: the scores and the classes are not of one size.
    """
    return _mean_nats(_full(logits), classes)


def dice_losses(logits: LogitMaps, classes: ClassMaps) -> Tensor:
    """(N,) one minus the soft Dice's coefficient, a fraction in [0, 1].

    Milletari et al., "V-Net", 3DV 2016, section 3, with squares in the denominator:

        D_k = 2 sum_x p_k(x) g_k(x) / (sum_x p_k(x)^2 + sum_x g_k(x)^2)

    g_k(x) is 1 where the class is k, else 0. D is the mean over the classes present in the
    sample, where V-Net has the foreground alone. A sample without a counted pixel has the loss 0.
    """
    probability = _full(logits).softmax(1).flatten(2)  # (N, K, M)
    labels = classes.flatten(1)[:, None]
    true = labels == torch.arange(logits.shape[1], device=logits.device)[:, None]
    both, sizes = (probability * true).sum(2), true.sum(2)
    squares = (probability.square() * (labels != IGNORE)).sum(2)
    present = sizes > 0
    missed = 1 - 2 * both / (squares + sizes).clamp_min(1)  # at least 1 for a class present
    return (missed * present).sum(1) / present.sum(1).clamp_min(1)


def median_frequency(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K,) weights of classes that balance them, median(f) / f_k.

    Eigen and Fergus, "Predicting Depth, Surface Normals and Semantic Labels", ICCV 2015, as used
    by SegNet: f_k is the number of pixels of class k over that of the images where k is present.
    The median is over the classes present; an absent class gets 0, as nothing is learnt of it.

    Args:
        pixels: (N, K) pixels of each class in each image; ignored ones are in no column.

    Raises:
        InputError: not (N, K) counts.
        DataError: no pixel is of any class.
    """
    if pixels.ndim != 2 or (pixels < 0).any():
        raise InputError(
            f"an array of shape {pixels.shape} is not one of pixel counts; expected (N, K), none "
            "negative. Count the pixels of each class in each image."
        )
    total, sizes = pixels.sum(0), pixels.sum(1)
    present = total > 0
    if not present.any():
        raise DataError(
            "no mask holds a pixel of any class; expected class pixels to balance by. Check the "
            "masks and the value that marks ignored pixels."
        )
    frequency = total[present] / ((pixels > 0) * sizes[:, None]).sum(0)[present]
    weights = np.zeros(len(total))
    weights[present] = np.median(frequency) / frequency
    return weights


def _full(logits: LogitMaps) -> LogitMaps:
    """In float32 or more: sums over a map's pixels are beyond the half precisions."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _mean_nats(
    logits: LogitMaps,
    classes: ClassMaps,
    weights: Tensor | None = None,
    places: Tensor | None = None,
) -> Tensor:
    """(N,) weighted cross-entropy over the counted pixels' number."""
    if logits.shape[2:] != classes.shape[1:]:
        raise InputError(
            f"scores of {tuple(logits.shape[2:])} pixels do not fit classes of "
            f"{tuple(classes.shape[1:])}; expected one size. Crop the classes to the network's "
            "output, or resize its scores."
        )
    nats = F.cross_entropy(logits, classes, weights, ignore_index=IGNORE, reduction="none")
    if places is not None:
        nats = nats * places
    counted = (classes != IGNORE).sum((1, 2)).clamp_min(1)
    return nats.sum((1, 2)) / counted
