"""Clusters as labels of a classifier, which then corrects them."""

from math import log

import pytest
import torch

from canon.tasks.clustering.batches import VectorBatches
from canon.tasks.clustering.losses.objectives import Classification, effective_number


def test_a_classifier_learns_the_first_clusters_and_then_its_own():
    net, labels = (
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, 2)),
        torch.tensor([0, 1]),
    )
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[0.0], [4.0]]))
        net[1].bias.zero_()
    batches = VectorBatches(torch.tensor([[1.0], [-0.05]]))
    loss = Classification(net, labels, warm=1, threshold=0.6, smoothing=0.0)
    loss.begin_epoch(net, batches, torch.arange(2))
    assert loss.trained.targets.tolist() == [0, 1]
    assert torch.isnan(loss.trained.changed)
    outputs = torch.tensor([[0.0, 0.0], [0.0, log(3)]])
    assert loss.losses(outputs, torch.arange(2)).tolist() == pytest.approx([log(2), log(4 / 3)])
    loss.begin_epoch(net, batches, torch.arange(2))
    assert loss.trained.targets.tolist() == [1, 0]
    assert float(loss.trained.changed) == 1.0
    assert loss.trained.sure.tolist() == [1.0, 0.0]  # 1/(1 + exp(-0.2)) is 0.55
    assert loss.losses(outputs, torch.arange(2)).tolist() == pytest.approx([log(2), 0.0])


def test_labels_that_make_clusters_more_unequal_are_not_taken():
    """Two and two: 2 clusters. Three and one: exp(0.75 log(4/3) + 0.25 log 4), which is 1.755."""
    assert effective_number(torch.tensor([0, 0, 1, 1])) == pytest.approx(2.0)
    assert effective_number(torch.tensor([0, 0, 0, 2])) == pytest.approx(1.7548, abs=1e-4)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, 2))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[0.0], [4.0]]))
        net[1].bias.zero_()
    labels = torch.tensor([0, 0, 1, 1])
    batches = VectorBatches(torch.tensor([[-1.0], [1.0], [1.0], [1.0]]))
    for least, after in ((0.95, [0, 0, 1, 1]), (0.85, [0, 1, 1, 1])):
        loss = Classification(net, labels, warm=0, least=least)
        loss.begin_epoch(net, batches, torch.arange(4))
        assert loss.trained.targets.tolist() == after
