"""U-Net: Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015, arXiv:1505.04597.

Differences from the paper: none. Its dropout "at the end of the contracting path" stands, with the
usual half, after the last two levels, as in the authors' network. `unet-same` pads every
convolution, so that the output is as large as the input, and `unet-same-bn` normalises each of them
too: what most know as U-Net. Width, depth and upsampling are the paper's unless they are given.
"""  # noqa: D205

from itertools import pairwise

import torch
from torch import nn

from canon.errors import InputError
from canon.layers import init, stages, taps
from canon.layers.upsample import Crop, Upsampling
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Ronneberger, Fischer, Brox",
    title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
    venue="MICCAI",
    year=2015,
    identifier="arXiv:1505.04597",
)


class Ascent(nn.Module):
    """A step of the expansive path: enlarge and halve the channels, join the skip, convolve twice.

    Args:
        c_in: channels from below; half of them are those of the skip.
        up: kind of upsampling.
        padding: of the convolutions; without it, the skip is cropped.
        norm: whether each convolution is normalised.
        crop: pixels by which the skip is larger on each side.

    Shape: (N, c_in, h, w), (N, c_in/2, H, W) -> (N, c_in/2, 2h - 4 + 4P, 2w - 4 + 4P)
    """

    def __init__(self, c_in: int, up: str, padding: int, norm: bool, crop: int) -> None:
        super().__init__()
        c = c_in // 2
        self.up = Upsampling(up, c_in, c)
        self.crop = Crop(crop)
        self.convs = _twice(2 * c, c, padding, norm)

    def forward(self, x: Images, skip: Images) -> Images:
        unpools = self.up.kind == "unpool"
        y = self.up.undo(x, skip, nn.MaxPool2d(2, 2)) if unpools else self.up(x)
        return self.convs(torch.cat([self.crop(skip, y), y], 1))


def _twice(c_in: int, c_out: int, padding: int, norm: bool, dropout: float = 0) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with a rectifier."""
    parts: list[nn.Module] = []
    for c, kernels in pairwise((c_in, c_out, c_out)):
        parts.append(nn.Conv2d(c, kernels, 3, padding=padding, bias=not norm))
        parts += [nn.BatchNorm2d(kernels)] * norm + [nn.ReLU()]
    return nn.Sequential(*parts, *[nn.Dropout(dropout)] * (dropout > 0))


_UNET = Published(31_030_658, 150_428_424_448, image=572, channels=1, classes=2)
_SAME = Published(31_030_658, 192_384_335_872, image=512, channels=1, classes=2)
_BN = Published(31_036_546, 192_384_335_872, image=512, channels=1, classes=2)


@register("unet", paper=PAPER, task="segment", published=_UNET)
@register("unet-same", paper=PAPER, task="segment", padding=1, published=_SAME)
@register("unet-same-bn", paper=PAPER, task="segment", padding=1, norm=True, published=_BN)
class UNet(nn.Module):
    """A contracting path, an expansive one, and a skip across from each level to its like.

    Args:
        width: channels of the first level; each further one has twice as many.
        depth: poolings.
        up: kind of upsampling.
        padding: of the 3 x 3 convolutions, pixels.
        norm: whether each of them is normalised.
        classes: number of outputs, K.
        channels: of the input.
        seed: of the initial weights, N(0, 2/N) with N the inputs of a neuron (section 3).

    Shape: (N, 1, 572, 572) -> (N, K, 388, 388); any side of 188 + 16k pixels, which gives
    4 + 16k. With padding: any multiple of 16, which it gives back.

    Raises:
        InputError: an image of another side, or an upsampling that needs padding.
    """

    def __init__(
        self,
        width: int = 64,
        depth: int = 4,
        up: str = "transposed",
        padding: int = 0,
        norm: bool = False,
        classes: int = 2,
        channels: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if up == "unpool" and not padding:
            raise InputError(
                "unpooling needs maps as large as those that were pooled, which valid "
                "convolutions make smaller; expected another upsampling. Use unet-same."
            )
        self.depth, self.padding, self.step = depth, padding, 2**depth
        widths = [width * 2**level for level in range(depth + 1)]
        levels: dict[str, nn.Module] = {}
        for level, (c_in, c) in enumerate(pairwise([channels, *widths[:-1]])):
            dropout = 0.5 if level == depth - 1 else 0.0
            levels[f"down{level}"] = _twice(c_in, c, padding, norm, dropout)
            levels[f"pool{level}"] = nn.MaxPool2d(2, 2)
        levels["bottom"] = _twice(widths[-2], widths[-1], padding, norm, 0.5)
        self.features = stages(**levels)
        self.decoder = nn.ModuleDict()
        crop = 0
        for level in reversed(range(depth)):
            crop = 0 if padding else 2 * crop + (4 if level == depth - 1 else 8)
            self.decoder[f"up{level}"] = Ascent(widths[level + 1], up, padding, norm, crop)
        self.head = nn.Conv2d(width, classes, 1)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        for side in x.shape[-2:]:
            self.output_side(side)
        maps = taps(self.features, x)
        y = maps["bottom"]
        for name, ascent in self.decoder.items():
            y = ascent(y, maps[f"down{name[2:]}"])
        return self.head(y)

    def output_side(self, side: int) -> int:
        """The side of the scores for that of an image, pixels.

        Raises:
            InputError: a side that does not come out even at every pooling; the message names the
                legal ones and the nearest.
        """
        step = self.step
        # Each 3 x 3 convolution takes 2 pixels of its level: 4 a level on the way down, and on
        # the way up 4 of maps that are enlarged afterwards, which leaves g(b) = 2b - 4 of b.
        lost = 0 if self.padding else 12 * (step - 1) + 4
        # 4 is where 2b - 4 stays; below, it vanishes, though not at once.
        least = step if self.padding else lost + (2 if self.depth == 1 else 4)
        if side >= least and (side - least) % step == 0:
            return side - lost
        k = max(0, (side - least) // step)
        near = [least + step * k] if side < least else [least + step * i for i in (k, k + 1)]
        legal = f"a multiple of {step}" if self.padding else f"{least} + {step}k"
        raise InputError(
            f"a side of {side} pixels does not halve evenly {self.depth} times; expected {legal}. "
            f"Pass --image {' or '.join(map(str, near))}, the nearest."
        )
