"""Tensors at the borders of the library: aliases that say shape, type and unit."""

from typing import Annotated

from torch import Tensor

Images = Annotated[Tensor, "(N, C, H, W) float32, normalised"]
RawImages = Annotated[Tensor, "(N, H, W, C) uint8, or int32 holding 16 bits"]
Logits = Annotated[Tensor, "(N, K) float32, higher is likelier"]
Labels = Annotated[Tensor, "(N,) int64, class indices"]
