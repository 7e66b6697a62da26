"""The depthwise separable convolution."""

from torch import Tensor, nn


class SeparableConv(nn.Module):
    """A spatial convolution of each channel, then a 1 x 1 convolution across channels.

    F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017,
    section 2. It takes C_in (k k + C_out) multiplications per position instead of k k C_in C_out.

    Args:
        c_in: input channels.
        c_out: output channels.
        kernel: side of the depthwise window, pixels.
        stride: of the depthwise window.
        padding: of the depthwise window; None keeps the size at stride 1.
        between: the layer between the two; None means no layer, as section 4.7 recommends.
        multiplier: depthwise outputs per channel.
        bias: of both convolutions.

    Shape: (N, C_in, H, W) -> (N, C_out, H', W')
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int = 3,
        stride: int = 1,
        padding: int | None = None,
        between: nn.Module | None = None,
        multiplier: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__()
        sides, deep = kernel // 2 if padding is None else padding, c_in * multiplier
        self.depthwise = nn.Conv2d(c_in, deep, kernel, stride, sides, groups=c_in, bias=bias)
        self.between = between or nn.Identity()
        self.pointwise = nn.Conv2d(deep, c_out, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.between(self.depthwise(x)))
