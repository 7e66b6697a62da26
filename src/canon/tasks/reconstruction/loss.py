"""The reconstruction loss: mean squared error."""

from torch import Tensor, nn

from canon.data.augment.draws import Part
from canon.data.augment.image_batches import ImageBatches
from canon.types import Images


class ReconstructionLoss:
    """The mean squared error of the pixels of each image."""

    def module(self, net: nn.Module) -> nn.Module:
        """The auto-encoder."""
        return net

    def losses(self, output: Images, target: Images) -> Tensor:
        """(N,) squared units of the input."""
        return (output - target).square().flatten(1).mean(1)


class ReconstructionBatches(ImageBatches):
    """Images that are their own targets, augmented or not."""

    def evaluation(self, index: Tensor) -> tuple[Images, Images]:
        """The samples at these positions, twice."""
        x, _ = super().evaluation(index)
        return x, x

    def training(self, index: Tensor, seed: int, part: Part | None = None) -> tuple[Images, Images]:
        """The samples at these positions, augmented, twice."""
        x, _ = super().training(index, seed, part)
        return x, x
