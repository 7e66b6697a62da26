"""What the names of networks leave open; told without torch, so that flags are answered at once."""

from typing import Literal

OPEN = ("width", "depth", "up", "backbone")  # what a caller may choose where a name leaves it open
Up = Literal["nearest", "bilinear", "bicubic", "transposed", "channelwise", "unpool", "nails"]
