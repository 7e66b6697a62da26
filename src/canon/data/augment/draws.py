"""Random numbers of the samples of a batch, however it is divided."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Part(NamedTuple):
    """A part of a batch: places of its samples in the batch, and how many the batch has."""

    places: Tensor
    total: int


class Draws:
    """Random numbers for a batch or a part of it, drawn on the CPU for the whole batch.

    A sample has the same numbers whether its batch is trained at once, in micro-batches or by
    several processes.

    Args:
        seed: of the batch.
        part: of the batch; None for all of it.
    """

    def __init__(self, seed: int, part: Part | None = None) -> None:
        self.generator, self.part = Generator().manual_seed(seed), part

    def uniform(self, *shape: int, samples: int = 0) -> Tensor:
        """Numbers in [0, 1); `samples` is the dimension of the shape that counts samples."""
        whole = torch.rand(self._whole(shape, samples), generator=self.generator)
        return self._own(whole, samples)

    def normal(self, *shape: int, samples: int = 0) -> Tensor:
        """Standard normal numbers."""
        whole = torch.randn(self._whole(shape, samples), generator=self.generator)
        return self._own(whole, samples)

    def integers(self, high: int, *shape: int, samples: int = 0) -> Tensor:
        """Integers from 0 to below `high`."""
        whole = torch.randint(high, self._whole(shape, samples), generator=self.generator)
        return self._own(whole, samples)

    def _whole(self, shape: tuple[int, ...], samples: int) -> tuple[int, ...]:
        if self.part is None:
            return shape
        return (*shape[:samples], self.part.total, *shape[samples + 1 :])

    def _own(self, whole: Tensor, samples: int) -> Tensor:
        return whole if self.part is None else whole.index_select(samples, self.part.places)
