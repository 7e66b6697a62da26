"""Inception's training crops and distortions, by kornia, for whole batches.

Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6: a patch of 8 to 100 % of the
area with an aspect of 3/4 to 4/3, and the photometric distortions of A. Howard, "Some Improvements
on Deep Convolutional Neural Network Based Image Classification", arXiv:1312.5402: brightness,
contrast and saturation, each times 0.5 to 1.5, in an order that is drawn too. Here one order is
drawn for a batch. The interpolation is always bilinear, where the paper draws that as well.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from canon.errors import InputError
from canon.types import RawImages
from canon.utils.seeding import forked_rng

ASPECT = (3 / 4, 4 / 3)

Transform = Callable[[RawImages, int], RawImages]


def require_kornia() -> None:
    """Say so at once where kornia is missing.

    Raises:
        InputError: kornia is not installed.
    """
    if find_spec("kornia") is None:
        raise InputError(
            "this recipe distorts images with kornia, which is not installed; expected the extra "
            "'augment'. Run `pip install 'canon-nets[augment]'`, or pass --recipe modern."
        )


def inception_transform(
    side: int, white: int, area: tuple[float, float] | None, distort: float
) -> Transform | None:
    """What crops and distorts stored images, given a seed; None if there is nothing to do.

    Args:
        side: of the patch when it is scaled, in pixels.
        white: the largest value of a stored pixel.
        area: smallest and largest patch, fractions of the image's area; None takes no patch.
        distort: largest change of brightness, contrast and saturation, as a fraction.
    """
    if area is None and not distort:
        return None
    steps = _steps(side, area, distort)

    def change(raw: RawImages, seed: int) -> RawImages:
        x: Tensor = raw.permute(0, 3, 1, 2).float() / white
        with forked_rng(seed, raw.device):  # kornia draws from torch's own generator
            for step in steps:
                x = step(x)
        return x.permute(0, 2, 3, 1) * white

    return change


def _steps(side: int, area: tuple[float, float] | None, distort: float) -> list[Any]:
    require_kornia()
    # Optional, and a quarter of a second to import.
    from kornia.augmentation import ColorJitter, RandomResizedCrop  # noqa: PLC0415

    steps = []
    if area is not None:
        steps.append(RandomResizedCrop((side, side), area, ASPECT, align_corners=False))
    if distort:
        steps.append(ColorJitter(distort, distort, distort))
    return steps
