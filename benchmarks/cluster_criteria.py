"""Which criterion without labels follows the accuracy of a mixture's starts.

    python -m benchmarks.cluster_criteria DATA [SEEDS]

For each seed, UMAP embeds the pixels of a labelled dataset (of more than 10,000 images, a random
part), and a Gaussian mixture starts twelve times. For each criterion: the rank correlation with the
accuracy over the starts, and the accuracy of the start that it prefers; means over the seeds.
"""

import sys

import numpy as np
from scipy.stats import spearmanr
from sklearn.mixture import GaussianMixture

from canon.data.sources.open import open_data
from canon.tasks.clustering import starts
from canon.tasks.clustering.metrics import clustering_accuracy, silhouette
from canon.tasks.clustering.selection.neighbours import NeighbourGraph
from canon.tasks.clustering.selection.sampling import sample_of

CRITERIA = ("likelihood", "silhouette", "modularity")
SAMPLES = 10_000


def main() -> None:
    data, count = sys.argv[1], int((sys.argv[2:] or ["6"])[0])
    split = open_data(data).joined()
    picked = sample_of(len(split), SAMPLES, 0)
    labels = split.targets.values[picked]
    pixels = split.images.pixels[picked].reshape(len(picked), -1).astype(np.float32) / 255
    k, shown = int(labels.max()) + 1, sample_of(len(picked), 5000, 0)
    graph = NeighbourGraph(pixels, 0)
    found = []
    for seed in range(count):
        space = starts.umap_embedding(pixels, k, seed).astype(np.float64)
        rows = []
        for start in range(starts.MIXTURE_STARTS):
            model = GaussianMixture(k, random_state=100 * seed + start, max_iter=300).fit(space)
            clusters = model.predict(space)
            rows.append(
                [
                    clustering_accuracy(clusters, labels),
                    model.lower_bound_,
                    silhouette(space[shown], clusters[shown]),
                    graph.modularity(clusters),
                ]
            )
        table = np.array(rows)
        accuracy = table[:, 0]
        found.append(
            [
                (spearmanr(accuracy, column).statistic, accuracy[column.argmax()])
                for column in table[:, 1:].T
            ]
        )
        print(f"seed {seed}: accuracy {accuracy.min():.3f} to {accuracy.max():.3f}", flush=True)
    for name, column in zip(CRITERIA, np.array(found).transpose(1, 0, 2), strict=True):
        correlation, chosen = column.mean(0)
        low, high = column[:, 0].min(), column[:, 0].max()
        print(f"{name}: rank correlation {correlation:.2f} ({low:.2f} to {high:.2f}), "
              f"accuracy of its choice {chosen:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
