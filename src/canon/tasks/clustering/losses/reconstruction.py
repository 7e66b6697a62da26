"""The non-clustering loss: reconstruction, of samples whose targets are positions."""

from torch import Tensor, nn

from canon.layers.auto_encoder import AutoEncoder
from canon.types import Images


class Reconstructing(nn.Module):
    """An auto-encoder whose output is the squared error of each image, (N,)."""

    def __init__(self, net: AutoEncoder) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Images) -> Tensor:
        return (self.net(x) - x).square().flatten(1).mean(1)


class Pretraining:
    """The non-clustering loss alone: reconstruction."""

    def module(self, net: nn.Module) -> nn.Module:
        """The auto-encoder with its error."""
        assert isinstance(net, AutoEncoder)
        return Reconstructing(net)

    def losses(self, output: Tensor, target: Tensor) -> Tensor:  # noqa: ARG002
        """(N,) squared errors, in squared units of the input."""
        return output
