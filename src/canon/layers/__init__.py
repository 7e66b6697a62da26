"""Parts that two papers share; torch only."""

from canon.layers.conv_arithmetic import conv_size, same_padding, side_after, transposed_size
from canon.layers.lrn import LocalResponseNorm, caffe_lrn
from canon.layers.stages import average_head, stages, taps

__all__ = [
    "LocalResponseNorm",
    "average_head",
    "caffe_lrn",
    "conv_size",
    "same_padding",
    "side_after",
    "stages",
    "taps",
    "transposed_size",
]
