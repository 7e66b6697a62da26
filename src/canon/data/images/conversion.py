"""Convert pixels to other channels and bits."""

import numpy as np

from canon.data.types import Pixels
from canon.errors import DataError


def to_channels(pixels: Pixels, channels: int) -> Pixels:
    """Convert pixels, (H, W, C), to 1 or 3 channels: colour to luma, or grey repeated.

    Luma is that of ITU-R 601, 0.299 R + 0.587 G + 0.114 B, as in Pillow.
    """
    if pixels.shape[-1] == channels:
        return pixels
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, channels, axis=-1)
    luma = pixels[..., :3] @ np.array([0.299, 0.587, 0.114])
    return np.rint(luma).astype(pixels.dtype)[..., None]


def to_bits(pixels: Pixels, bits: int) -> Pixels:
    """Convert 8-bit pixels to 16 bits, white to white; the reverse is an error.

    Raises:
        DataError: the pixels have 16 bits and `bits` is 8.
    """
    if pixels.dtype.itemsize * 8 == bits:
        return pixels
    if bits == 8:
        raise DataError(
            "the image has 16 bits, the network was trained on 8; expected 8. Convert it to 8 bits "
            "with an explicit value range."
        )
    return pixels.astype(np.uint16) * 257
