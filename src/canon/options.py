"""What the names of networks leave open; free of torch, so that flags are parsed at once."""

from typing import Literal

OPEN_OPTIONS = (
    "width",
    "depth",
    "up",
    "backbone",
)  # what a caller may choose where a name leaves it open
UpsamplingName = Literal[
    "nearest", "bilinear", "bicubic", "transposed", "channelwise", "unpool", "nails"
]
TaskName = Literal["classify", "segment"]
