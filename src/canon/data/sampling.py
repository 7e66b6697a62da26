"""Stratified splits, the order of an epoch, batches, and their distribution over processes."""

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
    """Sorted positions of a training and a held-out part with equal class proportions.

    A class of two or more samples has at least one in each part; a single sample is trained on.

    Args:
        labels: (N,) class indices.
        fraction: of each class to hold out, in [0, 1).
        seed: of the random choice.
    """
    random = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = int(
            np.clip(round(fraction * len(members)), min(1, len(members) - 1), len(members) - 1)
        )
        held.append(random.permutation(members)[: count if fraction else 0])
    held_out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order of the samples in an epoch: a function of the seed and the epoch alone."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(derive_seed(seed, epoch)))


def batch_slices(count: int, batch: int) -> list[slice]:
    """Slices that cover `count` positions, `batch` at a time.

    A single last sample joins the batch before it: batch normalisation cannot train on one sample.
    """
    edges = [*range(0, count, batch), count]
    if batch > 1 and len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]
    return [slice(a, b) for a, b in pairwise(edges)]


def process_share(positions: Tensor, rank: int, world: int) -> Tensor:
    """This process's part of a batch; over all processes each sample occurs once."""
    return positions[rank::world]


def evaluation_batches(count: int, batch: int, rank: int = 0, world: int = 1) -> Iterator[Tensor]:
    """Positions in order, each exactly once over all processes."""
    mine = torch.arange(rank, count, world)
    for start in range(0, len(mine), batch):
        yield mine[start : start + batch]
