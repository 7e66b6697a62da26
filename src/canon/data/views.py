"""What the papers' test protocols look at: crops, mirrors and whole images at several scales."""

from collections.abc import Callable, Iterator

import torch

from canon.data.dataset import Part, Pixels
from canon.data.pack import Preprocessing, scaled, square, tensor_of
from canon.data.reader import read_image, to_bits, to_channels
from canon.errors import DataError
from canon.types import RawImages

# Krizhevsky et al. 2012, section 4.1: squares of 256 for crops of 224.
TEN = 256 / 224
# Szegedy et al. 2015, section 7: shorter sides for crops of 224.
MULTI = (256 / 224, 288 / 224, 320 / 224, 352 / 224)

Views = Callable[[Pixels], Iterator[RawImages]]  # of an image (H, W, C): stacks (V, h, w, C)


def original(part: Part, how: Preprocessing, place: int) -> Pixels:
    """One sample with all its pixels, (H, W, C), in the channels and bits of a preprocessing.

    Raises:
        DataError: it cannot be read, or has more bits than the preprocessing.
    """
    if part.images is not None:
        return to_bits(to_channels(part.images[place], how.channels), how.bits)
    file = part.files[place]
    pixels = read_image(file)
    try:
        return to_bits(to_channels(pixels, how.channels), how.bits)
    except DataError as reason:
        raise DataError(f"{file}: {reason}") from None


def ten_crops(side: int) -> Views:
    """The corners and the centre of the central square, 256/224 of the input, and their mirrors.

    Shape: (H, W, C) -> (10, side, side, C)
    """

    def views(image: Pixels) -> Iterator[RawImages]:
        whole = tensor_of(square(image[None], round(side * TEN)))[0]
        yield mirrored(torch.stack(list(_five(whole, side))))

    return views


def multi_crops(side: int) -> Views:
    """144 crops: 4 scales, 3 squares along the longer side, 6 crops of each, and their mirrors.

    The six are the corners and the centre of a square, and all of it scaled to the input. A square
    image has one square instead of three equal ones, and 48 crops.

    Shape: (H, W, C) -> (144 or 48, side, side, C)
    """

    def views(image: Pixels) -> Iterator[RawImages]:
        found: list[RawImages] = []
        for scale in MULTI:
            whole = scaled(image[None], round(side * scale))
            for part in _three(whole):
                found += _five(tensor_of(part)[0], side)
                found.append(tensor_of(scaled(part, side))[0])
        yield mirrored(torch.stack(found))

    return views


def whole_images(side: int, scales: tuple[float, ...]) -> Views:
    """The uncropped image and its mirror with shorter sides of `scales` inputs.

    Shape: (H, W, C) -> (2, h, w, C) for each scale
    """

    def views(image: Pixels) -> Iterator[RawImages]:
        for scale in scales:
            yield mirrored(tensor_of(scaled(image[None], round(side * scale))))

    return views


def mirrored(images: RawImages) -> RawImages:
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
