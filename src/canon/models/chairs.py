"""Up-convolutional generator of chairs: Dosovitskiy et al., CVPR 2015; see PAPER.

Differences from the paper: none known in the layers of the picture. The paper does not print the
widths of the stream of the mask; here they are those of the picture. Attributes are the input, as
maps of one pixel: a class in one-hot code, then 4 values of the view (sine and cosine of azimuth
and elevation) and 12 of the transformation.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from canon.layers import init, stages
from canon.layers.upsample import Upsampling
from canon.registry import Paper, Published, register
from canon.types import Images

PAPER = Paper(
    authors="Dosovitskiy, Springenberg, Brox",
    title="Learning to Generate Chairs with Convolutional Neural Networks",
    venue="CVPR",
    year=2015,
    identifier="arXiv:1411.5928",
)
VIEW, TRANSFORMATION = 4, 12  # values of the attributes after the one-hot code


@register(
    "chairs", paper=PAPER, task="generate",
    published=Published(42_103_388, 3_065_147_904, image=1, channels=825, classes=0),
)  # fmt: skip
@register(
    "chairs-deep", paper=PAPER, task="generate", deep=True,
    published=Published(43_477_652, 3_693_015_552, image=1, channels=825, classes=0),
)  # fmt: skip
@register(
    "chairs-64", paper=PAPER, task="generate", upconvs=2,
    published=Published(41_886_892, 2_119_791_104, image=1, channels=825, classes=0),
)  # fmt: skip
class Chairs(nn.Module):
    """Fully connected layers, then up-convolutions: one stream for the picture, one for its mask.

    Args:
        upconvs: up-convolutions before that of the output: 3 for pictures of 128 pixels, 2 for 64.
        deep: whether a 3 x 3 convolution follows each of them (section 3.3).
        width: maps of the first up-convolution; the others are in proportion.
        channels: length of the attributes: classes, view and transformation.
        seed: of the initial weights (He).

    Shape: (N, 825, 1, 1) -> (N, 4, 128, 128), red, green, blue and mask; 64 x 64 by two upconvs.
    """

    def __init__(
        self,
        upconvs: int = 3,
        deep: bool = False,
        width: int = 256,
        channels: int = 825,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.upconvs = upconvs
        self.features = stages(
            inputs=Inputs(channels),  # 1536
            fc3=_fc(3 * 512, 1024),  # 1024
            fc4=_fc(1024, 1024),  # 1024
        )
        self.picture = _stream(upconvs, deep, width, 3)
        self.mask = _stream(upconvs, deep, width, 1)
        init.he(self, seed)

    @property
    def side(self) -> int:
        """Of the pictures, pixels."""
        return 16 * 2**self.upconvs

    def forward(self, x: Tensor) -> Images:
        z = self.features(x)
        return torch.cat([self.picture(z), self.mask(z)], 1)


class Inputs(nn.Module):
    """Two layers for each of class, view and transformation.

    Args:
        channels: length of the attributes.

    Shape: (N, channels, 1, 1) -> (N, 1536)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lengths = [channels - VIEW - TRANSFORMATION, VIEW, TRANSFORMATION]
        self.branches = nn.ModuleList(
            nn.Sequential(*_fc(length, 512), *_fc(512, 512)) for length in self.lengths
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = x.flatten(1).split(self.lengths, 1)
        return torch.cat([b(part) for b, part in zip(self.branches, parts, strict=True)], 1)


def _stream(upconvs: int, deep: bool, width: int, channels: int) -> nn.Sequential:
    """From 1024 values to maps of 8 x 8, and by up-convolutions to the output."""
    widths = [width, width, round(width * 92 / 256), round(width * 48 / 256)][: upconvs + 1]
    parts: dict[str, nn.Module] = {
        "fc5": _fc(1024, width * 64),
        "maps": nn.Unflatten(1, (width, 8, 8)),  # 256 x 8 x 8
    }
    for i, (c_in, c_out) in enumerate(pairwise(widths), 1):
        parts[f"upconv{i}"] = nn.Sequential(_upconv(c_in, c_out), nn.LeakyReLU(0.2))
        if deep:
            conv = nn.Conv2d(c_out, c_out, 3, padding=1)
            parts[f"conv{i}"] = nn.Sequential(conv, nn.LeakyReLU(0.2))
    parts["output"] = _upconv(widths[-1], channels)
    return stages(**parts)


def _fc(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(c_in, c_out), nn.LeakyReLU(0.2))


def _upconv(c_in: int, c_out: int) -> Upsampling:
    return Upsampling("bed-of-nails", c_in, c_out)
