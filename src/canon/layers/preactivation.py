"""Pre-activation residual units.

He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016, figure 4(e): batch
normalisation and a rectifier before each convolution, nothing after the addition.
"""

from collections.abc import Callable

from torch import Tensor, nn

from canon.layers.residual import PadShortcut


class Unit(nn.Module):
    """x + branch(act(x)); where the dimensions change, project(act(x)) + branch(act(x)).

    Args:
        act: normalisation and rectifier before the branch and the projection.
        branch: the rest of the residual function.
        project: the shortcut where the dimensions change, or None for the identity.

    Shape: (N, C_in, H, W) -> (N, C_out, H/stride, W/stride)
    """

    def __init__(self, act: nn.Module, branch: nn.Module, project: nn.Module | None) -> None:
        super().__init__()
        self.act, self.branch, self.project = act, branch, project

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(x)
        return self.branch(y) + (x if self.project is None else self.project(y))


def first_stage(units: nn.Sequential) -> nn.Sequential:
    """A stage whose first unit has no activation, because both its paths begin after conv1's."""
    assert isinstance(units[0], Unit)
    units[0].act = nn.Identity()
    return units


def bn_relu(channels: int) -> nn.Sequential:
    """Batch normalisation and a rectifier: the activation, in the paper's words."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps the size at stride 1."""
    return nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)


def unit(c_in: int, c_out: int, stride: int, branch: nn.Module) -> Unit:
    """A unit with a projection where the channels or the size change."""
    changes = c_in != c_out or stride != 1
    return Unit(bn_relu(c_in), branch, conv(c_in, c_out, 1, stride) if changes else None)


def basic(c_in: int, c_out: int, stride: int, dropout: float = 0.0) -> Unit:
    """Two 3 x 3 convolutions, with dropout between them unless it is zero."""
    between = [nn.Dropout(dropout)] if dropout else []
    branch = nn.Sequential(
        conv(c_in, c_out, 3, stride), bn_relu(c_out), *between, conv(c_out, c_out, 3)
    )
    return unit(c_in, c_out, stride, branch)


def padded(c_in: int, c_out: int, stride: int) -> Unit:
    """Two 3 x 3 convolutions; where the dimensions change, the shortcut is padded with zeros."""
    made = basic(c_in, c_out, stride)
    if made.project is not None:
        made.project = PadShortcut(c_in, c_out, stride)
    return made


def bottleneck(c_in: int, c_out: int, stride: int, *, strided: int = 1) -> Unit:
    """1 x 1 to a quarter of the output channels, 3 x 3, and 1 x 1 to all.

    Args:
        c_in: input channels.
        c_out: output channels.
        stride: of the unit.
        strided: kernel of the convolution with the stride: the first 1 x 1, or the 3 x 3.
    """
    width = c_out // 4
    reduce = conv(c_in, width, 1, stride if strided == 1 else 1)
    spatial = conv(width, width, 3, stride if strided == 3 else 1)
    branch = nn.Sequential(reduce, bn_relu(width), spatial, bn_relu(width), conv(width, c_out, 1))
    return unit(c_in, c_out, stride, branch)


MakeUnit = Callable[[int, int, int], Unit]  # of input channels, output channels and stride


def stage(make: MakeUnit, c_in: int, c_out: int, depth: int, stride: int) -> nn.Sequential:
    """Units with the same output channels, the first with the stride.

    Args:
        make: makes a unit.
        c_in: input channels of the first unit.
        c_out: output channels of every unit.
        depth: number of units.
        stride: of the first unit.
    """
    first = make(c_in, c_out, stride)
    return nn.Sequential(first, *(make(c_out, c_out, 1) for _ in range(depth - 1)))
