"""Parts of the Inception papers: parallel branches, and chains of small convolutions."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Kernel = int | tuple[int, int]
MakeConv = Callable[..., nn.Sequential]

ROW, COLUMN = (1, 7), (7, 1)  # a 7 x 7 kernel as two

BN_EPS = 1e-3  # of all Inception weights that TensorFlow's authors released


class Concat(nn.Module):
    """Named branches of one input, their outputs joined along the channels.

    Shape: (N, C, H, W) -> (N, sum of the branches' channels, H', W')
    """

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


def conv_relu(
    c_in: int, c_out: int, kernel: Kernel, stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """A convolution with bias and a rectifier; without `padding` it keeps the size at stride 1."""
    sides = _same(kernel) if padding is None else padding
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, sides), nn.ReLU())


def conv_bn_relu(
    c_in: int,
    c_out: int,
    kernel: Kernel,
    stride: int = 1,
    padding: int | None = None,
) -> nn.Sequential:
    """The same with batch normalisation in place of the bias."""
    sides = _same(kernel) if padding is None else padding
    conv = nn.Conv2d(c_in, c_out, kernel, stride, sides, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out, eps=BN_EPS), nn.ReLU())


def _same(kernel: Kernel) -> Kernel:
    return kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)


def chain(
    c_in: int,
    *convs: tuple[int, Kernel] | tuple[int, Kernel, int, int],
    conv: MakeConv = conv_bn_relu,
) -> nn.Sequential:
    """A sequence of convolutions, each (channels, kernel), or with stride and padding as well."""
    layers = []
    for c_out, *window in convs:
        layers.append(conv(c_in, c_out, *window))
        c_in = c_out
    return nn.Sequential(*layers)


def average(c_in: int, c_out: int, *, pads_count: bool = False) -> nn.Sequential:
    """A 3 x 3 average that keeps the size, then a 1 x 1 projection.

    Args:
        c_in: input channels.
        c_out: output channels.
        pads_count: whether averages at the edge include the zero padding; in TensorFlow, in which
            the Inception networks were released, they do not.
    """
    pool = nn.AvgPool2d(3, 1, padding=1, count_include_pad=pads_count)
    return nn.Sequential(pool, conv_bn_relu(c_in, c_out, 1))
