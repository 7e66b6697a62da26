"""Squeeze-and-excitation: the gate that residual blocks, VGG and Inception modules share."""

from torch import Tensor, nn

from canon.layers.stages import stages


class SqueezeExcite(nn.Module):
    """x s(x): every channel scaled by a gate that sees the mean of all channels.

    Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018, section 3.

    Args:
        channels: of the input.
        reduction: ratio r of the gate's input to its middle.
        bias: whether the layers of the gate have biases.

    Shape: (N, C, H, W) -> (N, C, H, W)
    """

    def __init__(self, channels: int, reduction: int = 16, bias: bool = True) -> None:
        super().__init__()
        self.gate = stages(
            squeeze=nn.AdaptiveAvgPool2d(1),
            fc1=nn.Conv2d(channels, channels // reduction, 1, bias=bias),
            relu=nn.ReLU(),
            fc2=nn.Conv2d(channels // reduction, channels, 1, bias=bias),
            sigmoid=nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)
