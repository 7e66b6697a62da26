"""Upsampling: interpolation, transposed convolution, unpooling, bed of nails; one interface.

nearest, bilinear, bicubic   interpolation, and a 1 x 1 convolution if the channels change
transposed                   transposed convolution (Long et al. 2015, section 3.3)
channelwise                  transposed convolution of each map separately
unpool                       each value back to the position of its maximum, zeros elsewhere
                             (Zeiler and Fergus 2014, section 2.1)
bed-of-nails                 each value to the top left of a block of zeros, then a 5 x 5
                             convolution (Dosovitskiy et al. 2015, section 4.2)
"""

from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.errors import InputError, unknown
from canon.options import UpsamplingName

KINDS: tuple[str, ...] = get_args(UpsamplingName)
INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


class BedOfNails(nn.Module):
    """Bed-of-nails unpooling: each value in the top left corner of a block of zeros.

    Args:
        stride: side of the block.

    Shape: (N, C, H, W) -> (N, C, S H, S W)
    """

    def __init__(self, stride: int = 2) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        blocks = F.pad(x[..., None, :, None], (0, self.stride - 1, 0, 0, 0, self.stride - 1))
        return blocks.reshape(n, c, h * self.stride, w * self.stride)


class Crop(nn.Module):
    """The part of a map that begins at an offset and is as large as another map.

    Args:
        offset: values cropped at the top and at the left.

    Shape: (N, C, H, W), (N, D, h, w) -> (N, C, h, w)
    """

    def __init__(self, offset: int = 0) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        h, w = like.shape[-2:]
        return x[..., self.offset : self.offset + h, self.offset : self.offset + w]


def max_pool_indices(x: Tensor, pool: nn.MaxPool2d) -> Tensor:
    """The positions of the maxima of an unpadded max pooling, (N, C, h, w) int64 indices."""
    kernel, stride = (
        n if isinstance(n, tuple) else (n, n) for n in (pool.kernel_size, pool.stride)
    )
    _, where = F.max_pool2d_with_indices(x, kernel, stride, ceil_mode=pool.ceil_mode)
    return where


class Upsampling(nn.Module):
    """A method to enlarge a map by a whole factor.

    Args:
        kind: one of `KINDS`.
        c_in: channels of the map.
        c_out: channels of the result.
        factor: of the sides.
        kernel: of a transposed convolution; None means the factor.
        bias: of convolutions.

    Attributes:
        kernel: the one that `Grid.enlarged` needs.

    Shape: (N, c_in, H, W) -> (N, c_out, F H + k - F, F W + k - F) with k the kernel of a
    transposed convolution, else F.

    Raises:
        InputError: an unknown kind, `channelwise` between different numbers of channels, or
            unpooling without a pooling.
    """

    def __init__(
        self,
        kind: UpsamplingName,
        c_in: int,
        c_out: int,
        factor: int = 2,
        kernel: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise unknown("upsampling", kind, KINDS, "`canon train --help`")
        if kind == "channelwise" and c_in != c_out:
            raise InputError(
                f"channelwise upsampling cannot turn {c_in} maps into {c_out}; expected as many "
                "outputs as inputs. Use transposed."
            )
        self.kind, self.factor = kind, factor
        change: nn.Module = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        self.before: nn.Module = change if kind in (*INTERPOLATIONS, "unpool") else nn.Identity()
        self.enlarge = _enlarging(kind, c_in, c_out, factor, kernel or factor, bias)
        nails = kind == "bed-of-nails"
        self.after = nn.Conv2d(c_in, c_out, 5, padding=2, bias=bias) if nails else nn.Identity()
        self.kernel = (kernel or factor) if kind in ("transposed", "channelwise") else factor

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "unpool":
            raise InputError(
                "unpooling needs the switches of a pooling, which this network does not have; "
                "expected another upsampling. Use transposed or bilinear."
            )
        return self.after(self.enlarge(self.before(x)))

    def undo(self, x: Tensor, pooled: Tensor, pool: nn.MaxPool2d) -> Tensor:
        """Enlarge a map to the size of a map that was pooled, by its switches or by cropping.

        Args:
            x: a map as large as the pooling's output.
            pooled: the pooling's input; of c_out channels for unpooling.
            pool: the pooling, of this factor.
        """
        height, width = pooled.shape[-2:]
        if self.kind == "unpool":
            return self.enlarge(self.before(x), max_pool_indices(pooled, pool), (height, width))
        return self(x)[..., :height, :width]


def _enlarging(
    kind: UpsamplingName, c_in: int, c_out: int, factor: int, kernel: int, bias: bool
) -> nn.Module:
    if kind == "unpool":
        return nn.MaxUnpool2d(factor, factor)
    if kind == "bed-of-nails":
        return BedOfNails(factor)
    if kind in INTERPOLATIONS:
        corners = None if kind == "nearest" else False
        return nn.Upsample(scale_factor=factor, mode=kind, align_corners=corners)
    groups = c_in if kind == "channelwise" else 1
    return nn.ConvTranspose2d(c_in, c_out, kernel, factor, groups=groups, bias=bias)


def bilinear_kernel(kernel: int) -> Tensor:
    """The weights of a transposed convolution that interpolates bilinearly.

    With f = floor((k + 1)/2) and c = f - 1 for odd k, f - 1/2 for even: (1 - |i - c|/f)(1 - |j -
    c|/f), as in the authors' code.

    Shape: (k, k)
    """
    f = (kernel + 1) // 2
    c = f - 1 if kernel % 2 else f - 0.5
    line = 1 - (torch.arange(kernel) - c).abs() / f
    return line[:, None] * line


@torch.no_grad()
def init_bilinear(up: Upsampling, learned: bool = True) -> Upsampling:
    """Initialise a transposed convolution to bilinear interpolation.

    Each map is interpolated separately: a dense kernel is filled on its diagonal only.

    Args:
        up: the upsampling; without a transposed convolution it is returned unchanged.
        learned: whether training may change the weights.
    """
    layer = up.enlarge
    if isinstance(layer, nn.ConvTranspose2d):
        layer.weight.requires_grad_(learned)
        if layer.weight.is_meta:
            return up
        layer.weight.zero_()
        kernel = bilinear_kernel(layer.kernel_size[0])
        for i in range(layer.in_channels):
            layer.weight[i, i % layer.weight.shape[1]] = kernel
        if layer.bias is not None:
            layer.bias.zero_()
    return up
