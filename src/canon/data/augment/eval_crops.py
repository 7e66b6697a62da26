"""The crops, mirrors and scaled images of the papers' test protocols."""

from collections.abc import Callable, Iterator

import torch

from canon.data.preprocessing import center_square, resize, tensor_of
from canon.data.types import Pixels
from canon.types import RawImages

# Krizhevsky et al. 2012, section 4.1: squares of 256 for crops of 224.
TEN_CROP_SCALE = 256 / 224
# Szegedy et al. 2015, section 7: shorter sides for crops of 224.
MULTI_CROP_SCALES = (256 / 224, 288 / 224, 320 / 224, 352 / 224)

CropMaker = Callable[[Pixels], Iterator[RawImages]]  # of an image (H, W, C): stacks (V, h, w, C)


def ten_crops(side: int) -> CropMaker:
    """The corners and the centre of the central square, 256/224 of the input, and their mirrors.

    Shape: (H, W, C) -> (10, side, side, C)
    """

    def views(image: Pixels) -> Iterator[RawImages]:
        whole = tensor_of(center_square(image[None], round(side * TEN_CROP_SCALE)))[0]
        yield with_mirrors(torch.stack(list(_five(whole, side))))

    return views


def multi_crops(side: int) -> CropMaker:
    """144 crops: 4 scales, 3 squares along the longer side, 6 crops of each, and their mirrors.

    The six are the corners and the centre of a square, and all of it scaled to the input. A square
    image has one square instead of three equal ones, and 48 crops.

    Shape: (H, W, C) -> (144 or 48, side, side, C)
    """

    def views(image: Pixels) -> Iterator[RawImages]:
        found: list[RawImages] = []
        for scale in MULTI_CROP_SCALES:
            whole = resize(image[None], round(side * scale))
            for part in _three(whole):
                found += _five(tensor_of(part)[0], side)
                found.append(tensor_of(resize(part, side))[0])
        yield with_mirrors(torch.stack(found))

    return views


def whole_images(side: int, scales: tuple[float, ...]) -> CropMaker:
    """The uncropped image and its mirror with shorter sides of `scales` inputs.

    Shape: (H, W, C) -> (2, h, w, C) for each scale
    """

    def views(image: Pixels) -> Iterator[RawImages]:
        for scale in scales:
            yield with_mirrors(tensor_of(resize(image[None], round(side * scale))))

    return views


def with_mirrors(images: RawImages) -> RawImages:
    """Images, (N, H, W, C), followed by their mirrors, left to right."""
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
    """The corners and the centre of a square, (S, S, C)."""
    last = whole.shape[0] - side
    middle = last // 2
    for top, left in ((0, 0), (0, last), (last, 0), (last, last), (middle, middle)):
        yield whole[top : top + side, left : left + side]
