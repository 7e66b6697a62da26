"""Residual blocks and their shortcuts.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution without bias that keeps the size at stride 1, and batch normalisation."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class PadShortcut(nn.Module):
    """Option A: every `stride`-th pixel, and zeros for the additional channels.

    Shape: (N, c_in, H, W) -> (N, c_out, H/stride, W/stride)
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.extra, self.stride, self.kernel_size = c_out - c_in, stride, 1

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def option_a(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Identity, padded with zeros where the channels grow; no parameters."""
    return nn.Identity() if c_in == c_out and stride == 1 else PadShortcut(c_in, c_out, stride)


def option_b(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Identity, or a projection by a 1 x 1 convolution where the dimensions change."""
    return nn.Identity() if c_in == c_out and stride == 1 else option_c(c_in, c_out, stride)


def option_c(c_in: int, c_out: int, stride: int) -> nn.Module:
    """A projection in every block."""
    return conv_bn(c_in, c_out, 1, stride)


def plain(c_in: int, c_out: int, stride: int) -> None:
    """No shortcut: the block of a plain net is its residual branch."""


Shortcut = Callable[[int, int, int], nn.Module | None]


class Block(nn.Module):
    """relu(branch(x) + shortcut(x)), equation 2; without a shortcut relu(branch(x)).

    Args:
        c_in: input channels.
        width: channels inside the branch; the output has `expansion` times as many.
        stride: of the block.
        shortcut: makes the shortcut.

    Shape: (N, c_in, H, W) -> (N, expansion width, H/stride, W/stride)
    """

    expansion = 1

    def __init__(self, c_in: int, width: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        c_out = self.expansion * width
        self.branch = self.residual(c_in, width, c_out, stride)
        self.shortcut, self.relu = shortcut(c_in, c_out, stride), nn.ReLU()

    def residual(self, c_in: int, width: int, c_out: int, stride: int) -> nn.Sequential:
        """The residual branch of this kind of block."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        return self.relu(y if self.shortcut is None else y + self.shortcut(x))


class Grouped(Block):
    """A bottleneck with a grouped 3 x 3: ResNeXt, Xie et al., CVPR 2017, arXiv:1611.05431."""

    expansion, groups, inner = 4, 32, (2, 2)  # inner: widths around the 3 x 3, as multiples

    def residual(self, c_in: int, width: int, c_out: int, stride: int) -> nn.Sequential:
        w1, w2 = (multiple * width for multiple in self.inner)
        conv = nn.Conv2d(w1, w2, 3, stride, padding=1, groups=self.groups, bias=False)
        grouped = nn.Sequential(conv, nn.BatchNorm2d(w2))
        reduce, expand = conv_bn(c_in, w1, 1), conv_bn(w2, c_out, 1)
        return nn.Sequential(reduce, nn.ReLU(), grouped, nn.ReLU(), expand)


def stage(
    block: type[Block], c_in: int, width: int, depth: int, stride: int, shortcut: Shortcut
) -> nn.Sequential:
    """Blocks of one width, the first with the stride.

    Args:
        block: the kind of block.
        c_in: input channels of the first block.
        width: of all blocks.
        depth: number of blocks.
        stride: of the first block.
        shortcut: makes the shortcut of a block.
    """
    first, c = block(c_in, width, stride, shortcut), block.expansion * width
    return nn.Sequential(first, *(block(c, width, 1, shortcut) for _ in range(depth - 1)))
