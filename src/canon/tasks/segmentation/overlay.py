"""Masks as pictures: class colours, palettes and overlays."""

from colorsys import hsv_to_rgb

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from canon.data.targets.mask_codes import MaskCodes
from canon.data.types import IGNORE, ClassMap, Pixels
from canon.reports.thumbnails import to_8_bits

SHARE = 0.5  # of the colour of a class in an overlay


# K. Kelly, "Twenty-two Colors of Maximum Contrast", Color Engineering 3, 1965: all but white, black
# and grey, in his order.
KELLY = bytes.fromhex(
    "f3c300 875692 f38400 a1caf1 be0032 c2b280 008856 e68fac 0067a5 f99379 604e97 f6a600 b3446c"
    "dcd300 882d17 8db600 654522 e25822 2b3d26"
)


def class_colors(classes: int) -> NDArray[np.uint8]:
    """(K, 3) RGB of each class, easy to tell apart; after the first 19, evenly spread hues."""
    first = np.frombuffer(KELLY, np.uint8).reshape(-1, 3)[:classes]
    hues = [(k * 0.381966 + 0.02) % 1 for k in range(classes - len(first))]
    others = [[round(255 * c) for c in hsv_to_rgb(hue, 0.8, 0.95)] for hue in hues]
    return np.concatenate([first, np.array(others, np.uint8).reshape(-1, 3)])


def overlay(image: Pixels, classes: ClassMap, count: int, bare: int) -> NDArray[np.uint8]:
    """An image with its mask drawn over it; ignored pixels are white.

    Args:
        image: (H, W, C).
        classes: (H, W).
        count: K.
        bare: the class without a colour: the commonest, so that the image can be seen.

    Shape: -> (H, W, 3)
    """
    grey = to_8_bits(image)
    rgb = np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey
    table = np.full((IGNORE + 1, 3), 255, np.float32)
    table[:count] = class_colors(count)
    share = np.full(IGNORE + 1, SHARE, np.float32)
    share[bare] = 0
    mixed = rgb + share[classes][..., None] * (table[classes] - rgb)
    return np.rint(mixed).astype(np.uint8)


def mask_picture(classes: ClassMap, values: MaskCodes) -> Image.Image:
    """A map of classes in the values of the masks that were trained on.

    Grey levels where these spread over the range, as 0 and 255; else indices with a colour map;
    colours where classes were colours.
    """
    if values.colors:
        return Image.fromarray(np.array(values.values, np.uint8)[classes])
    levels = np.array(values.values)
    if levels.max() > IGNORE:
        return Image.fromarray(levels.astype(np.uint16)[classes])
    picture = Image.fromarray(levels.astype(np.uint8)[classes])
    if levels.max() < IGNORE:
        picture.putpalette(class_colors(IGNORE + 1).tobytes())
    return picture
