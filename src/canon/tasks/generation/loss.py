"""The loss of generated pictures."""

from torch import Tensor, nn

COLOR_WEIGHT = 10.0


class GenerationLoss:
    """Ten times the squared error of the colours, plus that of the mask.

    Dosovitskiy et al., CVPR 2015, section 3.2; colours are those of the object on black. Errors are
    means over pixels, so that losses of pictures of different sizes compare.
    """

    def module(self, net: nn.Module) -> nn.Module:
        """The generator."""
        return net

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """(N,) squared fractions of white, of (N, 4, H, W)."""
        errors = (output - target).square().flatten(2).mean(2)
        return COLOR_WEIGHT * errors[:, :3].mean(1) + errors[:, 3]
