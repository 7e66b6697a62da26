"""Residual blocks and their shortcuts.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int) -> nn.Sequential:
    """A convolution that keeps the size at stride 1, without bias, and its normalisation."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class PadShortcut(nn.Module):
    """Option A: every `stride`-th pixel, and zeros for the channels that are new."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.extra, self.stride, self.kernel_size = c_out - c_in, stride, 1

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def option_a(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Identity, padded with zeros where the channels grow; no parameters."""
    return nn.Identity() if c_in == c_out and stride == 1 else PadShortcut(c_in, c_out, stride)


def option_b(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Identity, projected by a 1 x 1 convolution where the dimensions change."""
    return nn.Identity() if c_in == c_out and stride == 1 else option_c(c_in, c_out, stride)


def option_c(c_in: int, c_out: int, stride: int) -> nn.Module:
    """A projection everywhere."""
    return conv_bn(c_in, c_out, 1, stride)


def plain(c_in: int, c_out: int, stride: int) -> None:
    """A plain net: the block is its residual branch."""


Shortcut = Callable[[int, int, int], nn.Module | None]


class Block(nn.Module):
    """relu(branch(x) + shortcut(x)), equation 2; without a shortcut relu(branch(x)).

    Shape: (N, C_in, H, W) -> (N, C_out, H/stride, W/stride)
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        return self.relu(y if self.shortcut is None else y + self.shortcut(x))


Make = Callable[[int, int, int], tuple[nn.Module, int]]


def stage(make: Make, c_in: int, width: int, depth: int, stride: int) -> nn.Sequential:
    """Blocks of one width, the first with the stride.

    Args:
        make: makes a block of input channels, width and stride, and tells its output channels.
        c_in: input channels of the first block.
        width: of all of them.
        depth: how many.
        stride: of the first.
    """
    blocks = []
    for i in range(depth):
        made, c_in = make(c_in, width, stride if i == 0 else 1)
        blocks.append(made)
    return nn.Sequential(*blocks)
