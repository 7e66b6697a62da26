"""Sizes of activations and gradients: against numpy, by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from canon.errors import InputError
from canon.interpret.signal import by_stage, signal
from canon.models import build


class Chain(nn.Module):
    """A 1 x 1 convolution with batch normalisation, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv1", nn.Sequential(nn.Conv2d(2, 3, 1, bias=False)))
        self.head = nn.Sequential()
        self.head.add_module("fc", nn.Linear(3, 4, bias=False))
        self.norm = nn.BatchNorm1d(4, affine=False)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def test_it_is_backpropagation_by_hand():
    draw = np.random.default_rng(0)
    x, w1, w2 = draw.normal(size=(5, 2)), draw.normal(size=(3, 2)), draw.normal(size=(4, 3))
    labels = np.array([0, 3, 1, 2, 2])
    net = Chain()
    with torch.no_grad():
        net.features.conv1[0].weight.copy_(torch.tensor(w1)[..., None, None])
        net.head.fc.weight.copy_(torch.tensor(w2))
    conv, fc = signal(net, torch.tensor(x, dtype=torch.float32)[..., None, None],
                      torch.tensor(labels))  # fmt: skip

    hidden = x @ w1.T
    scores = hidden @ w2.T
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    own = shares - np.eye(4)[labels]  # of each image's loss with respect to its scores
    assert (conv.name, conv.stage, fc.name, fc.stage) == ("conv1.0", "conv1", "fc", "fc")
    assert conv.activation == pytest.approx(rms(hidden), rel=1e-5)
    assert fc.activation == pytest.approx(rms(scores), rel=1e-5)
    assert fc.gradient == pytest.approx(rms(own), rel=1e-5)
    assert conv.gradient == pytest.approx(rms(own @ w2), rel=1e-5)
    assert fc.weight_gradient == pytest.approx(rms(own.T @ hidden / 5), rel=1e-5)
    assert conv.weight_gradient == pytest.approx(rms((own @ w2).T @ x / 5), rel=1e-5)


def test_the_network_is_left_as_it_was():
    net = build("resnet20", channels=1, image=8).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    signal(net, x, torch.tensor([0, 1, 2, 3]))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net.training
    assert all(p.grad is None for p in net.parameters())


def test_gradients_of_plain_nets_change_more_with_depth_than_those_of_residual_nets():
    """At initialisation with batch normalisation: the cure that residual connections are."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (16,), generator=generator)
    ratio = {}
    for name in ("plain56", "resnet56"):
        found = signal(build(name, seed=0), x, labels)
        assert len(found) == 56  # option A has no projections
        ratio[name] = found[0].gradient / found[-2].gradient
    assert ratio["plain56"] > 20 * ratio["resnet56"]


def test_stages_have_the_root_mean_square_of_their_layers():
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    layers = signal(build("resnet20", seed=0), x, torch.tensor([0, 1, 2, 3]))
    stages = {one.name: one for one in by_stage(layers)}
    assert [*stages] == ["conv1", "stage1", "stage2", "stage3", "fc"]
    own = [one.gradient for one in layers if one.stage == "stage2"]
    assert stages["stage2"].gradient == pytest.approx(rms(own))


def test_networks_without_classes_or_weights_are_refused():
    x, labels = torch.zeros(1, 3, 8, 8), torch.tensor([0])
    with pytest.raises(InputError, match="one score for each class"):
        signal(nn.Conv2d(3, 2, 3), x, labels)
    with pytest.raises(InputError, match="no convolution or linear layer"):
        signal(nn.Flatten(), x, labels)
