"""How well clusters keep neighbours together: the modularity of a graph of neighbours."""

import numpy as np
from sklearn.neighbors import kneighbors_graph

from canon.tasks.clustering.selection.sampling import sample_of
from canon.tasks.clustering.starts import Floats, Ints

SAMPLES, NEIGHBOURS = 10_000, 15


class NeighbourGraph:
    """Each sample is linked to its nearest ones; of many samples, a random part.

    Args:
        codes: (N, D).
        seed: of the part.
        samples: its size, at most.
    """

    def __init__(self, codes: Floats, seed: int, samples: int = SAMPLES) -> None:
        self.picked = sample_of(len(codes), samples, seed)
        count = max(1, min(NEIGHBOURS, len(self.picked) - 1))
        links = kneighbors_graph(codes[self.picked], count)
        both = (links + links.T).tocoo()
        self.rows, self.columns, self.weights = both.row, both.col, both.data
        self.degrees = np.bincount(self.rows, self.weights, len(self.picked))

    def modularity(self, clusters: Ints) -> float:
        """The share of links within clusters, less the share expected of links drawn at random.

        Newman and Girvan, "Finding and evaluating community structure in networks", Physical
        Review E 69, 2004, equation 5.

        Args:
            clusters: (N,) of all samples.
        """
        own = clusters[self.picked]
        total = self.degrees.sum()
        inside = self.weights[own[self.rows] == own[self.columns]].sum() / total
        shares = np.bincount(own, self.degrees) / total
        return float(inside - np.square(shares).sum())
