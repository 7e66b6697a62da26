"""U-Net: Ronneberger, Fischer, Brox, MICCAI 2015; see PAPER.

Differences from the paper: none. Its dropout "at the end of the contracting path" follows the last
two levels, with the usual probability of a half, as in the authors' network. That network differs
from Figure 1: a rectifier follows each up-convolution, and the last one keeps 128 maps (31,100,354
parameters). `unet-same` pads every
convolution, so that the output is as large as the input, and `unet-same-bn` normalises each of them
too: the form that most software calls U-Net. Width, depth and upsampling are the paper's by
default.
"""

from collections.abc import Callable
from functools import partial
from itertools import count, pairwise

import torch
from torch import nn

from canon.errors import InputError
from canon.layers import init, stages, taps
from canon.layers.inception import conv_relu
from canon.layers.upsample import Crop, Upsampling
from canon.options import UpsamplingName
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Ronneberger, Fischer, Brox",
    title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
    venue="MICCAI",
    year=2015,
    identifier="arXiv:1505.04597",
)

Conv = Callable[[int, int, int, int, int], nn.Sequential]  # channels, kernel, stride, padding
Convs = Callable[[int, int], nn.Sequential]  # input and output channels


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> nn.Sequential:
    """A convolution without bias, batch normalisation, and a rectifier."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU())


def _twice(c_in: int, c_out: int, conv: Conv, padding: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with a rectifier."""
    return nn.Sequential(*conv(c_in, c_out, 3, 1, padding), *conv(c_out, c_out, 3, 1, padding))


class Ascent(nn.Module):
    """A step of the expansive path: enlarge and halve the channels, join the skip, convolve twice.

    Args:
        c_in: channels from below; the skip has half as many.
        upsampling: kind of upsampling.
        convs: makes the two convolutions.
        crop: pixels by which the skip is larger on each side.

    Shape: (N, c_in, h, w), (N, c_in/2, H, W) -> (N, c_in/2, 2h - 4, 2w - 4), or
    (N, c_in/2, 2h, 2w) if the convolutions are padded.
    """

    def __init__(self, c_in: int, upsampling: UpsamplingName, convs: Convs, crop: int) -> None:
        super().__init__()
        if upsampling == "unpool" and crop:
            raise InputError(
                "unpooling needs maps as large as those that were pooled, which valid "
                "convolutions make smaller; expected another upsampling. Use unet-same."
            )
        self.up = Upsampling(upsampling, c_in, c_in // 2)
        self.crop = Crop(crop)
        self.convs = convs(c_in, c_in // 2)

    def forward(self, x: Images, skip: Images) -> Images:
        unpools = self.up.kind == "unpool"
        y = self.up.undo(x, skip, nn.MaxPool2d(2, 2)) if unpools else self.up(x)
        return self.convs(torch.cat([self.crop(skip, y), y], 1))


class UNet(nn.Module):
    """A contracting path, an expansive path, and a skip at each level from one to the other.

    Args:
        width: channels of the first level; they double at each further level.
        depth: poolings.
        upsampling: kind of upsampling.
        padding: of the 3 x 3 convolutions, pixels: 0 (valid) or 1 (same).
        conv: makes a convolution with its rectifier.
        classes: number of outputs, K.
        channels: of the input.
        seed: of the initial weights, N(0, 2/N) with N the inputs of a neuron (section 3).

    Shape: (N, 1, 572, 572) -> (N, K, 388, 388); any side of 188 + 16k pixels, which gives
    4 + 16k. With padding: any multiple of 16, and scores of the same side.

    Raises:
        InputError: an image of another side, or an upsampling that needs padding.
    """

    def __init__(
        self,
        width: int = 64,
        depth: int = 4,
        upsampling: UpsamplingName = "transposed",
        padding: int = 0,
        conv: Conv = conv_relu,
        classes: int = 2,
        channels: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.depth, self.step = depth, 2**depth
        self.lost = 4 - 4 * padding  # pixels that two convolutions take from a map
        convs = partial(_twice, conv=conv, padding=padding)
        widths = [width * 2**level for level in range(depth + 1)]
        # Figure 1, at 572 pixels:
        #   down0    64 x 568 x 568         up0    64 x 388 x 388   crop 88
        #   down1   128 x 280 x 280         up1   128 x 196 x 196   crop 40
        #   down2   256 x 136 x 136         up2   256 x 100 x 100   crop 16
        #   down3   512 x 64 x 64           up3   512 x 52 x 52     crop 4
        #   bottom  1024 x 28 x 28
        levels: dict[str, nn.Module] = {}
        for level, (c_in, c) in enumerate(pairwise([channels, *widths[:-1]])):
            down = convs(c_in, c)
            levels[f"down{level}"] = down if level < depth - 1 else down.append(nn.Dropout(0.5))
            levels[f"pool{level}"] = nn.MaxPool2d(2, 2)
        levels["bottom"] = convs(widths[-2], widths[-1]).append(nn.Dropout(0.5))
        self.features = stages(**levels)
        self.decoder = nn.ModuleDict()
        crop = self.lost
        for level in reversed(range(depth)):
            self.decoder[f"up{level}"] = Ascent(widths[level + 1], upsampling, convs, crop)
            crop = 2 * (crop + self.lost)
        self.head = nn.Conv2d(width, classes, 1)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        for side in x.shape[-2:]:
            self.output_side(side)
        maps = taps(self.features, x)
        y = maps["bottom"]
        for level, ascent in zip(reversed(range(self.depth)), self.decoder.values(), strict=True):
            y = ascent(y, maps[f"down{level}"])
        return self.head(y)

    def output_side(self, side: int) -> int:
        """The side of the scores for that of an image, pixels.

        Raises:
            InputError: a side that is not even before every pooling, or too small; the message
                names the legal ones and the nearest.
        """
        output = self._output(side)
        if output:
            return output
        smallest = next(legal for legal in count(1) if self._output(legal))
        below = [legal for legal in range(max(1, side - self.step), side) if self._output(legal)]
        above = next(legal for legal in count(side) if self._output(legal))
        rule = f"{smallest} + {self.step}k" if self.lost else f"a multiple of {self.step}"
        raise InputError(
            f"a side of {side} pixels does not halve evenly {self.depth} times; expected {rule}. "
            f"Pass --image {' or '.join(map(str, [*below, above]))}, the nearest."
        )

    def _output(self, side: int) -> int | None:
        """The side of the scores, or None for a side that is odd before a pooling or too small."""
        for _ in range(self.depth):
            side -= self.lost
            if side % 2:
                return None
            side //= 2
        side -= self.lost
        for _ in range(self.depth):
            side = 2 * side - self.lost
        return side if side > 0 else None


# Padding, convolutions, side of the image, parameters, multiply-accumulates.
# fmt: off
TABLE = (
    ("unet",         0, conv_relu, 572, 31_030_658, 150_428_424_448),
    ("unet-same",    1, conv_relu, 512, 31_030_658, 192_384_335_872),
    ("unet-same-bn", 1, conv_bn,   512, 31_036_546, 192_384_335_872),
)
# fmt: on

for name, padding, conv, image, params, macs in TABLE:
    published = Published(params, macs, image, channels=1, classes=2, layers=23)
    register(name, paper=PAPER, task="segment", padding=padding, conv=conv, published=published)(
        UNet
    )
