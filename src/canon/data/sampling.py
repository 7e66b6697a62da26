"""Stratified hold-out, the order of an epoch, batches, and the share of each process."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from canon.utils.seeding import derive_seed


def stratified_split(
    labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to train on and positions to hold back, sorted, with the same share of each class.

    A class of two or more gives at least one sample to each side; a class of one trains.

    Args:
        labels: (N,) class indices.
        fraction: of each class to hold back, in [0, 1).
        seed: of the choice.
    """
    random = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = int(
            np.clip(round(fraction * len(members)), min(1, len(members) - 1), len(members) - 1)
        )
        held.append(random.permutation(members)[: count if fraction else 0])
    back = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), back), back


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order of the samples in an epoch: a function of the seed and the epoch alone."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(derive_seed(seed, epoch)))


def batch_slices(count: int, batch: int) -> list[slice]:
    """Slices that cover `count` positions, `batch` at a time.

    A last batch of one sample joins the batch before it: batch normalisation cannot train on one.
    """
    edges = [*range(0, count, batch), count]
    if batch > 1 and len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]
    return [slice(a, b) for a, b in pairwise(edges)]


def process_share(positions: Tensor, rank: int, world: int) -> Tensor:
    """This process's part of a batch; together the parts are the batch, each sample once."""
    return positions[rank::world]


def evaluation_batches(count: int, batch: int, rank: int = 0, world: int = 1) -> Iterator[Tensor]:
    """Positions in order, each exactly once over all processes."""
    mine = torch.arange(rank, count, world)
    for start in range(0, len(mine), batch):
        yield mine[start : start + batch]
