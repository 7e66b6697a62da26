"""Clusters that are found again in the codes of a classifier."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from canon.layers import stages
from canon.tasks.clustering import starts, training_phase
from canon.tasks.clustering.batches import VectorBatches
from canon.tasks.clustering.starts import FirstClusters

OWN = np.repeat([0, 1, 2], 4)  # what the classifier gives
OTHER = np.array([2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1, 1])  # what is found in its codes


@pytest.mark.parametrize(
    ("prefers", "expected"),
    [(OTHER, [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]), (OWN, OWN.tolist())],
    ids=["those that are found", "its own"],
)
def test_the_better_clusters_are_learned(prefers, expected, monkeypatch):
    """They have the numbers that the classifier has for them: 2, 0, 1 become 0, 1, 2."""
    classifier = stages(features=stages(code=torch.nn.Flatten()), head=torch.nn.Identity())
    batches = VectorBatches(torch.eye(3)[torch.from_numpy(OWN)])
    found = FirstClusters(OTHER, "modularity", (0.5,), 1.0)
    monkeypatch.setattr(starts, "umap_mixture", lambda *_: found)
    judge = SimpleNamespace(modularity=lambda clusters: float((clusters == prefers).all()))
    job = SimpleNamespace(samples=batches, k=3, seed=0)
    better = training_phase._found_again(job, classifier, judge)
    assert better.labels.tolist() == expected
