"""Inception's training crops and distortions of whole batches, with kornia.

Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6: crops of 8 to 100 % of the
area with aspect ratios of 3/4 to 4/3, and the photometric distortions of A. Howard, "Some
Improvements on Deep Convolutional Neural Network Based Image Classification", arXiv:1312.5402.
Brightness, contrast and saturation are each multiplied by 0.5 to 1.5 in random order.

Differences: the order is drawn once per batch, and the interpolation is always bilinear, where the
paper draws it as well.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from canon.data.augment.draws import Part
from canon.errors import InputError
from canon.types import RawImages
from canon.utils.seeding import forked_rng

ASPECT = (3 / 4, 4 / 3)

Transform = Callable[[RawImages, int, Part | None], RawImages]  # images, seed, part of the batch


def require_kornia() -> None:
    """Check that kornia is installed.

    Raises:
        InputError: it is not.
    """
    if find_spec("kornia") is None:
        raise InputError(
            "kornia is not installed, but this recipe uses it for augmentation; expected the extra "
            "'augment'. Run `pip install 'canon-nets[augment]'`, or pass --recipe modern."
        )


def inception_transform(
    side: int, white: int, area: tuple[float, float] | None, distort: float
) -> Transform | None:
    """A function that crops and distorts stored images with a seed; None if it does nothing.

    Args:
        side: of the scaled crops in pixels.
        white: the largest value of a stored pixel.
        area: range of the crops, as fractions of the image's area; None does not crop.
        distort: largest relative change of brightness, contrast and saturation.
    """
    if area is None and not distort:
        return None
    steps = _steps(side, area, distort)

    def transform(raw: RawImages, seed: int, part: Part | None = None) -> RawImages:
        x: Tensor = raw.permute(0, 3, 1, 2).float() / white
        with forked_rng(seed, raw.device):  # kornia draws from torch's own generator
            for step in steps:
                x = step(x) if part is None else step(x, params=_own(step, x, part))
        return x.permute(0, 2, 3, 1) * white

    return transform


def _own(step: Any, x: Tensor, part: Part) -> dict[str, Tensor]:
    """The random parameters of a part of a batch, which are those of the whole batch."""
    drawn = step.forward_parameters(torch.Size((part.total, *x.shape[1:])))
    shared = ("order", "forward_input_shape")  # not of each sample
    return {name: value if name in shared else value[part.places] for name, value in drawn.items()}


def _steps(side: int, area: tuple[float, float] | None, distort: float) -> list[Any]:
    require_kornia()
    # Optional, and takes a quarter of a second to import.
    from kornia.augmentation import ColorJitter, RandomResizedCrop  # noqa: PLC0415

    steps = []
    if area is not None:
        steps.append(RandomResizedCrop((side, side), area, ASPECT, align_corners=False))
    if distort:
        steps.append(ColorJitter(distort, distort, distort))
    return steps
