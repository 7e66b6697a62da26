"""Small 8-bit pictures for a report."""

import base64
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from canon.data.types import Pixels


def thumbnail(pixels: Pixels, side: int) -> str:
    """An image (H, W, C) as a PNG of at most `side` pixels per side, in base64."""
    image = to_8_bits(pixels)
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.thumbnail((side, side))
    file = BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def to_8_bits(image: Pixels) -> NDArray[np.uint8]:
    """An image with 8 bits; of 16 bits the upper half."""
    return image if image.dtype == np.uint8 else (image // 257).astype(np.uint8)
