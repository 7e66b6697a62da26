"""How well images are reconstructed."""

from dataclasses import dataclass
from math import inf, log10

import numpy as np
from numpy.typing import NDArray

from canon.training.interfaces import Metrics
from canon.utils.tables import Figure


@dataclass(frozen=True)
class ReconstructionMetrics(Metrics):
    """The metrics of an auto-encoder on N images.

    Args:
        errors: (N,) float32 mean squared error of each image, in squared units of the input, which
            are fractions of white if the input is not normalised.
    """

    errors: NDArray[np.float32]

    @property
    def loss(self) -> float:
        """Mean squared error of all pixels."""
        return float(self.errors.mean(dtype=np.float64))

    @property
    def error(self) -> float:
        """The same."""
        return self.loss

    @property
    def ranking(self) -> tuple[float, ...]:
        """The negative error."""
        return (-self.loss,)

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio, -10 log10(MSE), decibels for a range of 0 to 1."""
        return -10 * log10(self.loss) if self.loss else inf

    def worst(self, count: int) -> NDArray[np.int64]:
        """Positions of the images of highest error, the highest first."""
        return np.argsort(-self.errors, kind="stable")[:count]

    def figures(self) -> tuple[Figure, ...]:
        """Mean squared error, PSNR, number of images."""
        return (
            Figure("mean squared error", self.loss, "number"),
            Figure("PSNR in dB", self.psnr, "number"),
            Figure("images", len(self.errors), "count"),
        )
