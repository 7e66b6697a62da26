"""Small 8-bit pictures for a report."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from canon.data.types import Pixels


def png(stored: Tensor) -> bytes:
    """A stored square, (H, W, C), as the bytes of an 8-bit PNG of at most 128 pixels a side."""
    return thumbnail(to_8_bits(stored.numpy()), 128)


def thumbnail(pixels: NDArray[np.uint8], side: int) -> bytes:
    """Pixels, (H, W, C), as the bytes of a PNG of at most so many a side."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    picture.thumbnail((side, side))
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def to_8_bits(image: Pixels) -> NDArray[np.uint8]:
    """Pixels with 8 bits: those of 16 by their upper half."""
    return image if image.dtype == np.uint8 else (image // 257).astype(np.uint8)
