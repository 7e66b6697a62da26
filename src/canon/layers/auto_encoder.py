"""What auto-encoders share: an encoder that ends in a code, and a decoder."""

from torch import Tensor, nn

from canon.types import Images


class AutoEncoder(nn.Module):
    """A network that reconstructs its input from a code.

    A subclass sets `features`, whose last stage is the code, and `decoder`.
    """

    features: nn.Sequential
    decoder: nn.Module

    def encode(self, x: Images) -> Tensor:
        """The codes, (N, D)."""
        return self.features(x).flatten(1)

    def with_code(self, x: Images) -> tuple[Tensor, Images]:
        """The codes, (N, D), and the reconstructions."""
        code = self.features(x)
        return code.flatten(1), self.decoder(code)

    def forward(self, x: Images) -> Images:
        return self.with_code(x)[1]
