"""How well pictures are generated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canon.training.interfaces import Metrics
from canon.utils.tables import Figure


@dataclass(frozen=True)
class GenerationMetrics(Metrics):
    """The metrics of N generated pictures.

    Args:
        losses: (N,) of each picture.
        colors: (N,) mean squared error of the colours, squared fractions of white.
        overlaps: (N,) intersection over union of the masks, at one half.
    """

    losses: NDArray[np.float32]
    colors: NDArray[np.float32]
    overlaps: NDArray[np.float32]

    @property
    def loss(self) -> float:
        """Mean loss."""
        return float(self.losses.mean(dtype=np.float64))

    @property
    def error(self) -> float:
        """Mean squared error of the colours."""
        return float(self.colors.mean(dtype=np.float64))

    @property
    def ranking(self) -> tuple[float, ...]:
        """The negative error."""
        return (-self.error,)

    def worst(self, count: int) -> NDArray[np.int64]:
        """Positions of the pictures of highest error, the highest first."""
        return np.argsort(-self.colors, kind="stable")[:count]

    def figures(self) -> tuple[Figure, ...]:
        """Error of the colours, overlap of the masks, number of pictures."""
        return (
            Figure("mean squared error", self.error, "number"),
            Figure("IoU of the masks", float(self.overlaps.mean(dtype=np.float64))),
            Figure("images", len(self.losses), "count"),
        )
