"""Options of networks, apart from torch so that the command line parses without loading it."""

from typing import Literal

# What a caller may choose, unless the registration of the network fixes it.
OPEN_OPTIONS = ("width", "depth", "upsampling", "backbone")
UpsamplingName = Literal[
    "nearest", "bilinear", "bicubic", "transposed", "channelwise", "unpool", "bed-of-nails"
]
Augment = Literal["auto", "none", "light", "photo", "any-way-up"]
TaskName = str  # "classify", "segment", "reconstruct", or the name of a task that was added
