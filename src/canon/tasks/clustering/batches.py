"""Images with their positions: targets of a clustering are looked up by position."""

from typing import Protocol

import torch
from torch import Tensor, nn

from canon.data.augment.draws import Part
from canon.data.augment.image_batches import ImageBatches
from canon.layers.stages import eval_mode
from canon.types import Images

CHUNK = 128  # images at a time where nothing is trained: larger chunks leave the cache


class Samples(Protocol):
    """Samples that are trained on and looked at by position."""

    @property
    def count(self) -> int:
        """How many there are."""

    def evaluation(self, index: Tensor, /) -> tuple[Images, Tensor]:
        """The samples at these positions as they are, and the positions."""


class IndexedBatches(ImageBatches):
    """Images, augmented or not, and their positions."""

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.pack)

    def evaluation(self, index: Tensor) -> tuple[Images, Tensor]:
        """The samples at these positions as they are, and the positions."""
        x, _ = super().evaluation(index)
        return x, index

    def training(self, index: Tensor, seed: int, part: Part | None = None) -> tuple[Images, Tensor]:
        """The samples at these positions, augmented, and the positions."""
        x, _ = super().training(index, seed, part)
        return x, index


class VectorBatches:
    """Vectors instead of images, as maps of one pixel.

    Args:
        vectors: (N, D) float32.
    """

    random = False

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors[:, :, None, None]

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return len(self.vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def evaluation(self, index: Tensor) -> tuple[Images, Tensor]:
        """The samples at these positions, (n, D, 1, 1), and the positions."""
        return self.vectors[index], index

    def training(self, index: Tensor, seed: int, part: Part | None = None) -> tuple[Images, Tensor]:  # noqa: ARG002
        """The same."""
        return self.evaluation(index)


class Repeated:
    """Few samples several times in an epoch, so that states are not saved every few steps.

    Args:
        batches: the samples.
        times: how often each is seen.
    """

    def __init__(self, batches: IndexedBatches | VectorBatches, times: int) -> None:
        self.batches, self.times = batches, times

    @property
    def count(self) -> int:
        """How many samples there are."""
        return self.batches.count

    @property
    def random(self) -> bool:
        """Whether batches depend on their seed."""
        return self.batches.random

    def __len__(self) -> int:
        return self.times * self.count

    def evaluation(self, index: Tensor) -> tuple[Images, Tensor]:
        """The samples at these positions as they are, and the positions."""
        return self.batches.evaluation(index)

    def training(self, index: Tensor, seed: int, part: Part | None = None) -> tuple[Images, Tensor]:
        """The samples at these positions of an epoch, and their own positions."""
        return self.batches.training(index % self.count, seed, part)


def outputs_of(net: nn.Module, samples: Samples) -> Tensor:
    """The outputs of a network in eval mode for all samples on its device, in chunks, on the CPU.

    Shape: (N, ...)
    """
    chunks = []
    with eval_mode(net):
        for index in torch.arange(samples.count).split(CHUNK):
            x, _ = samples.evaluation(index)
            chunks.append(net(x).float().cpu())
    return torch.cat(chunks)
