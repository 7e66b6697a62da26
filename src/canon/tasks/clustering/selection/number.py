"""The number of clusters, read from a curve of modularity."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from canon.tasks.clustering import starts
from canon.tasks.clustering.selection.neighbours import NeighbourGraph
from canon.tasks.clustering.selection.sampling import sample_of
from canon.tasks.clustering.starts import Floats
from canon.utils.progress import Step

FEWEST, USUAL, MOST = 2, 10, 30  # clusters
SAMPLES, STARTS = 5000, 4
TOLERANCE = 0.005  # of modularity


@dataclass(frozen=True)
class Curve:
    """The modularity of the best clusters by their number.

    Args:
        numbers: of clusters, ascending.
        modularity: of the best start with that number.
    """

    numbers: tuple[int, ...]
    modularity: tuple[float, ...]

    @property
    def highest(self) -> int:
        """The number of clusters with the highest modularity."""
        return self.numbers[int(np.argmax(self.modularity))]

    @property
    def chosen(self) -> int:
        """The fewest clusters whose modularity is within 0.005 of the highest."""
        good = np.array(self.modularity) >= max(self.modularity) - TOLERANCE
        return self.numbers[int(good.argmax())]

    @property
    def in_words(self) -> str:
        """Which number is chosen, and why."""
        at = dict(zip(self.numbers, self.modularity, strict=True))
        text = f"{self.chosen} clusters: modularity {at[self.chosen]:.4f}"
        if self.chosen != self.highest:
            text += f", the fewest within {TOLERANCE} of {at[self.highest]:.4f} at {self.highest}"
        if self.highest == MOST:
            text += "; the curve still rises there, so more may be better: pass -k"
        return text


def curve(codes: Floats, seed: int, different: int) -> Generator[Step, None, Curve]:
    """Cluster a random part into 2 to 30 clusters: a mixture on a UMAP embedding, or k-means.

    Args:
        codes: (N, D).
        seed: of the part, the embedding and the starts.
        different: how many of the samples differ, which bounds the number of clusters.
    """
    codes = codes[sample_of(len(codes), SAMPLES, seed)]
    graph = NeighbourGraph(codes, seed)
    umap = starts.has_umap()
    space = starts.umap_embedding(codes, USUAL, seed) if umap else codes
    numbers = tuple(range(FEWEST, min(MOST, different, len(codes) // 2) + 1))
    found = []
    for done, k in enumerate(numbers, 1):
        best = (
            starts.mixture(space, k, seed, graph, STARTS) if umap
            else starts.kmeans(space, k, seed, graph, STARTS)
        )  # fmt: skip
        found.append(best.values[0])
        yield Step("evaluate", 0, done, len(numbers))
    return Curve(numbers, tuple(found))
