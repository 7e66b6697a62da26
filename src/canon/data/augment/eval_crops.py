"""The crops, flips and scaled images of the papers' test protocols."""

from collections.abc import Callable, Iterator

import torch

from canon.data.preprocessing import center_square, resize, tensor_of
from canon.data.types import Pixels
from canon.types import RawImages

# Krizhevsky et al. 2012, section 4.1: squares of 256 for crops of 224.
TEN_CROP_SCALE = 256 / 224
# Szegedy et al. 2015, section 7: shorter sides for crops of 224.
MULTI_CROP_SCALES = (256 / 224, 288 / 224, 320 / 224, 352 / 224)

CropMaker = Callable[[Pixels], Iterator[RawImages]]  # (H, W, C) image -> stacks of (V, h, w, C)


def ten_crops(side: int) -> CropMaker:
    """Four corner crops and the centre crop of the central square, and their flips.

    The square is 256/224 of the input.

    Shape: (H, W, C) -> (10, side, side, C)
    """

    def crops(image: Pixels) -> Iterator[RawImages]:
        whole = tensor_of(center_square(image[None], round(side * TEN_CROP_SCALE)))[0]
        yield with_flips(torch.stack(list(_five(whole, side))))

    return crops


def multi_crops(side: int) -> CropMaker:
    """144 crops: 4 scales, 3 squares along the longer side, 6 crops of each, and their flips.

    The six are the corners and the centre of a square, and the whole square scaled to the input. A
    square image has one square instead of three equal ones, thus 48 crops.

    Shape: (H, W, C) -> (144 or 48, side, side, C)
    """

    def crops(image: Pixels) -> Iterator[RawImages]:
        stack: list[RawImages] = []
        for scale in MULTI_CROP_SCALES:
            whole = resize(image[None], round(side * scale))
            for part in _three(whole):
                stack += _five(tensor_of(part)[0], side)
                stack.append(tensor_of(resize(part, side))[0])
        yield with_flips(torch.stack(stack))

    return crops


def whole_images(side: int, scales: tuple[float, ...]) -> CropMaker:
    """The uncropped image and its flip, with shorter sides of `scales` inputs.

    Shape: (H, W, C) -> (2, h, w, C) for each scale
    """

    def crops(image: Pixels) -> Iterator[RawImages]:
        for scale in scales:
            yield with_flips(tensor_of(resize(image[None], round(side * scale))))

    return crops


def squares(side: int, scale: float) -> CropMaker:
    """The central square, with a side of `scale` inputs.

    Shape: (H, W, C) -> (1, s, s, C)
    """

    def crops(image: Pixels) -> Iterator[RawImages]:
        yield tensor_of(center_square(image[None], round(side * scale)))

    return crops


def with_flips(images: RawImages) -> RawImages:
    """Images, (N, H, W, C), followed by their horizontal flips."""
    return torch.cat([images, images.flip(2)])


def _three(image: Pixels) -> Iterator[Pixels]:
    """The first, middle and last square along the longer side of one image, (1, H, W, C)."""
    height, width = image.shape[1:3]
    room = max(height, width) - min(height, width)
    for start in (0, room // 2, room) if room else (0,):
        if height > width:
            yield image[:, start : start + width]
        else:
            yield image[:, :, start : start + height]


def _five(whole: RawImages, side: int) -> Iterator[RawImages]:
    """The corner crops and the centre crop of a square, (S, S, C)."""
    last = whole.shape[0] - side
    middle = last // 2
    for top, left in ((0, 0), (0, last), (last, 0), (last, last), (middle, middle)):
        yield whole[top : top + side, left : left + side]
