"""Clusters that are found again in the codes of a classifier."""

from types import SimpleNamespace

import numpy as np
import torch

from canon.layers import stages
from canon.tasks.clustering import starts, training_phase
from canon.tasks.clustering.batches import VectorBatches
from canon.tasks.clustering.starts import FirstClusters

OWN = np.repeat([0, 1, 2], 4)  # what the classifier gives
OTHER = np.array([2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1, 1])  # what is found in its codes


def test_new_clusters_have_the_numbers_of_the_classifier(monkeypatch):
    classifier = stages(features=stages(code=torch.nn.Flatten()), head=torch.nn.Identity())
    batches = VectorBatches(torch.eye(3)[torch.from_numpy(OWN)])
    found = FirstClusters(OTHER, "modularity", (0.5,), 1.0)
    monkeypatch.setattr(starts, "umap_mixture", lambda *_: found)
    judge = SimpleNamespace(modularity=lambda clusters: 0.7 if (clusters == OTHER).all() else 0.2)
    job = SimpleNamespace(samples=batches, k=3, seed=0)
    again = training_phase._found_again(job, classifier, judge)
    assert again.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    assert again.values == (0.7, 0.2)
