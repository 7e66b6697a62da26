"""Aliases of arrays that say shape and type."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    pass


Pixels = Annotated[NDArray[Any], "(H, W, C) or (N, H, W, C), uint8 or uint16"]

IGNORE = 255  # the class index of ignored pixels
ClassMap = Annotated[NDArray[np.uint8], "(H, W), class indices, 255 is ignored"]
Codes = Annotated[NDArray[Any], "(H, W), unsigned: a file's values, colours as 0xRRGGBB"]
