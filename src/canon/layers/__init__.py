"""Parts that two papers share; torch only."""

from canon.layers.conv_arithmetic import conv_size, same_padding, transposed_size
from canon.layers.lrn import LocalResponseNorm
from canon.layers.stages import average_head, stages, taps

__all__ = [
    "LocalResponseNorm",
    "average_head",
    "conv_size",
    "same_padding",
    "stages",
    "taps",
    "transposed_size",
]
