"""A random part of many samples."""

import numpy as np
from numpy.typing import NDArray


def sample_of(count: int, most: int, seed: int) -> NDArray[np.int64]:
    """Sorted positions of at most so many of `count` samples, drawn at random."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])
