"""The losses of deep clustering against hand calculations and plain loops."""

from math import exp, log

import numpy as np
import pytest
import torch

from canon.layers.clusters import NearestClusters, StudentClusters, squared_distances
from canon.models import build
from canon.tasks.clustering.batches import VectorBatches
from canon.tasks.clustering.losses.assignments import kl_divergence, target_distribution
from canon.tasks.clustering.losses.association import (
    Associated,
    Association,
    place_centroids,
    transformation,
    walker_and_visit,
)
from canon.tasks.clustering.losses.objectives import Hardening, KMeansLoss
from canon.tasks.clustering.training_phase import student_unit


def soft(codes, centers):
    """Equation 1 of DEC, one number at a time."""
    q = np.zeros((len(codes), len(centers)))
    for i, z in enumerate(codes):
        for j, mu in enumerate(centers):
            q[i, j] = 1 / (1 + sum((a - b) ** 2 for a, b in zip(z, mu, strict=True)))
        q[i] /= q[i].sum()
    return q


def sharpened(q):
    """Equation 3 of DEC, one number at a time."""
    p = np.zeros_like(q)
    for i in range(len(q)):
        for j in range(q.shape[1]):
            p[i, j] = q[i, j] ** 2 / q[:, j].sum()
        p[i] /= p[i].sum()
    return p


@pytest.fixture
def codes():
    return np.random.default_rng(0).normal(0, 2, (7, 10))


@pytest.fixture
def centers():
    return np.random.default_rng(1).normal(0, 2, (4, 10))


def student(centers, unit=1.0):
    net = build("idec-ae", channels=10, image=1)
    return StudentClusters(net, torch.tensor(centers, dtype=torch.float32), unit)


def test_soft_assignments_are_those_of_equation_1(codes, centers):
    q = student(centers).assign(torch.tensor(codes, dtype=torch.float32)).exp()
    np.testing.assert_allclose(q.detach(), soft(codes, centers), rtol=1e-5)


def test_a_unit_divides_all_distances(codes, centers):
    q = student(centers, 2.0).assign(torch.tensor(codes, dtype=torch.float32)).exp()
    np.testing.assert_allclose(q.detach(), soft(codes / 2, centers / 2), rtol=1e-5)


def test_targets_are_those_of_equation_3(codes, centers):
    q = soft(codes, centers)
    np.testing.assert_allclose(target_distribution(torch.tensor(q)), sharpened(q))


def test_a_target_by_hand():
    q = torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    # f = (1.2, 0.8): 0.64/1.2 and 0.04/0.8 are 0.5333 and 0.05; 0.16/1.2 and 0.36/0.8 are 0.1333
    # and 0.45.
    expected = [[0.5333 / 0.5833, 0.05 / 0.5833], [0.1333 / 0.5833, 0.45 / 0.5833]]
    np.testing.assert_allclose(target_distribution(q), expected, rtol=1e-3)


def test_the_divergence_of_each_sample_by_hand():
    p = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    q = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    assert kl_divergence(p, q.log()).tolist() == pytest.approx([log(4), 0.0])


def test_distances_are_never_negative():
    x = torch.full((2, 3), 1e3)
    assert (squared_distances(x, x) >= 0).all()
    assert squared_distances(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)).item() == 25


def test_hardening_weighs_divergence_and_reconstruction(codes, centers):
    vectors = torch.tensor(codes, dtype=torch.float32)
    net = student(centers)
    batches, index = VectorBatches(vectors), torch.tensor([2, 5])
    loss = Hardening(net, len(vectors), weight=0.1, reconstruction=1.0)
    loss.begin_epoch(net, batches, index)
    x, _ = batches.training(index, 0)
    found = loss.losses(loss.module(net).eval()(x), index)

    with torch.no_grad():
        z, y = net.net.with_code(batches.vectors)
    q = soft(z.numpy(), centers)
    p = sharpened(q)
    divergence = (p * np.log(p / q)).sum(1)
    error = ((y - batches.vectors) ** 2).flatten(1).mean(1).numpy()
    np.testing.assert_allclose(found.detach(), (0.1 * divergence + error)[[2, 5]], rtol=1e-4)


def test_targets_stay_the_same_within_an_epoch(codes, centers):
    net = student(centers)
    loss = Hardening(net, len(codes), weight=1.0, reconstruction=0.0)
    batches = VectorBatches(torch.tensor(codes, dtype=torch.float32))
    loss.begin_epoch(net, batches, torch.arange(7))
    before = loss.trained.targets.clone()
    with torch.no_grad():
        net.centers += 1
    x, index = batches.training(torch.arange(7), 0)
    loss.losses(loss.module(net)(x), index)
    assert torch.equal(loss.trained.targets, before)
    loss.begin_epoch(net, batches, torch.arange(7))
    assert not torch.equal(loss.trained.targets, before)


def test_without_reconstruction_the_decoder_is_not_trained(codes, centers):
    net = student(centers)
    Hardening(net, len(codes), weight=1.0, reconstruction=0.0)
    trained = {name for name, p in net.named_parameters() if p.requires_grad}
    assert "centers" in trained
    assert not any("decoder" in name for name in trained)


def test_the_k_means_loss_is_the_distance_to_the_nearest_centre(codes, centers):
    net = student(centers)
    vectors = torch.tensor(codes, dtype=torch.float32)
    batches = VectorBatches(vectors)
    loss = KMeansLoss(net, len(vectors), weight=0.1, reconstruction=1.0)
    x, index = batches.training(torch.arange(7), 0)
    found = loss.losses(loss.module(net)(x), index).detach()
    with torch.no_grad():
        z, y = net.net.with_code(x)
    nearest = np.linalg.norm(z.numpy()[:, None] - centers, axis=2).min(1)
    error = ((y - x) ** 2).flatten(1).mean(1).numpy()
    np.testing.assert_allclose(found, 0.1 * nearest + error, rtol=1e-4)


def test_centres_follow_k_means_every_tenth_epoch_only(codes, centers):
    net = student(centers)
    loss = KMeansLoss(net, len(codes), weight=0.1, reconstruction=1.0)
    batches = VectorBatches(torch.tensor(codes, dtype=torch.float32))
    moved = []
    for _ in range(12):
        before = net.centers.clone()
        loss.begin_epoch(net, batches, torch.arange(7))
        moved.append(not torch.equal(net.centers, before))
    assert moved == [False] * 10 + [True, False]


def test_the_unit_is_a_fifth_of_the_spread():
    codes = np.array([[0.0, 0], [10, 0], [0, 20], [10, 20]], np.float32)
    labels, centers = np.array([0, 0, 1, 1]), np.array([[5.0, 0], [5, 20]], np.float32)
    assert student_unit(codes, labels, centers) == pytest.approx(1.0)


def test_the_nearest_codes_vote():
    known = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1]])
    net = NearestClusters(torch.nn.Flatten(), known, torch.tensor([1, 1, 0, 2, 2]), 3, neighbours=3)
    shares = net(torch.tensor([[0.05], [5.0]])[:, :, None, None]).exp()
    np.testing.assert_allclose(shares, [[1 / 3, 2 / 3, 0], [1 / 3, 0, 2 / 3]], atol=1e-4)


def test_walks_by_hand():
    a, b = torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [-1.0]])
    walker, visit = walker_and_visit(a, b, torch.eye(2))
    near = exp(1) / (exp(1) + exp(-1))  # of a step to the same side
    back = near**2 + (1 - near) ** 2
    assert walker.item() == pytest.approx(-log(back), abs=1e-6)
    assert visit.item() == pytest.approx(log(2), abs=1e-6)


def test_visits_to_one_image_alone_cost_more():
    starts = torch.tensor([[3.0, 0], [3, 0]])
    even = walker_and_visit(starts, torch.tensor([[1.0, 0], [1, 1]]), torch.ones(2, 2))[1]
    uneven = walker_and_visit(starts, torch.tensor([[1.0, 0], [0, 1]]), torch.ones(2, 2))[1]
    assert uneven > even
    assert even.item() == pytest.approx(log(2), abs=1e-6)


def test_the_transformation_loss_by_hand():
    codes, logits = torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    # Every cross-entropy is log 2; products are 1, 0, 0, 0.
    expected = (abs(1 - log(2) - 1) + 3 * abs(1 - log(2))) / 4
    assert transformation(codes, logits).item() == pytest.approx(expected)


def test_centroids_are_placed_by_k_means_four_to_a_cluster():
    net = Associated(build("adc-thin", classes=2, image=8), 2, seed=0)
    assert net.centroids.shape == (8, 128)
    x = torch.zeros(20, 64)
    x[10:] = 1
    batches = VectorBatches(x)
    batches.vectors = x.reshape(20, 1, 8, 8)
    place_centroids(net, batches, 0)
    groups = net.centroids.detach().reshape(2, 4, 128)
    assert (groups - groups.mean(1, keepdim=True)).abs().max() < 2e-4
    assert (groups[0, 0] - groups[1, 0]).norm() > 0.1


@pytest.mark.parametrize("warm", [True, False])
def test_gradients_of_association_reach_what_is_trained(warm):
    net = Associated(build("adc-thin", classes=3, image=8), 3, seed=0)
    loss = Association(net, warm=warm, transformation=0.1)
    module = loss.module(net)
    losses = loss.losses(module(torch.rand(24, 1, 8, 8)), torch.arange(6))
    assert losses.shape == (6,)
    losses.mean().backward()
    assert net.centroids.grad.abs().sum() > 0
    assert all(p.grad is not None for p in net.net.get_submodule("features").parameters())
    assert (net.net.get_submodule("head.logits").bias.grad is None) == warm
