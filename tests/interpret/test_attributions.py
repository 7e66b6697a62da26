"""Attributions to pixels: planted objects, transposes, completeness."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from canon.errors import InputError
from canon.interpret import attributions
from canon.interpret.attributions import (
    deconvnet,
    guided_backprop,
    integrated_gradients,
    occlusion,
    saliency,
)

pytest.importorskip("captum")


def first(outputs):
    return outputs.flatten(1)[:, 0]


def seeded(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_occlusion_finds_a_planted_object():
    weight = torch.zeros(16, 16)
    weight[4:8, 8:12] = 1.0  # the score is the brightness of these pixels

    class Net(nn.Module):
        def forward(self, x):
            return (x[:, 0] * weight).sum((1, 2))[:, None]

    heat = occlusion(Net(), torch.ones(1, 1, 16, 16), first, window=4, stride=4)[0]
    expected = torch.zeros(16, 16)
    expected[4:8, 8:12] = 16.0  # all of the object is lost, in this window alone
    torch.testing.assert_close(heat, expected)


def test_the_deconvnet_of_a_linear_network_is_its_transpose():
    net = nn.Conv2d(3, 4, 5, stride=2, bias=False)
    unit = torch.zeros(1, 4, 4, 4)
    unit[0, 2, 1, 3] = 1.0
    found = deconvnet(net, seeded(1, 3, 11, 11), lambda y: y[:, 2, 1, 3])
    torch.testing.assert_close(found, F.conv_transpose2d(unit, net.weight, stride=2).detach())


def test_the_deconvnet_unpools_by_switches_and_rectifies():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3, bias=False),
        nn.ReLU(),
    )  # fmt: skip
    x = seeded(1, 1, 12, 12)
    pooled, switches = F.max_pool2d(F.conv2d(x, net[0].weight).relu(), 2, return_indices=True)
    top = F.conv2d(pooled, net[3].weight)
    unit = torch.zeros_like(top)
    unit[0, 1, 1, 2] = 1.0
    back = F.conv_transpose2d(unit.relu(), net[3].weight)
    back = F.max_unpool2d(back, switches, 2).relu()  # Zeiler and Fergus: rectified on the way down
    expected = F.conv_transpose2d(back, net[0].weight)
    found = deconvnet(net, x, lambda y: y[:, 1, 1, 2])
    torch.testing.assert_close(found, expected.detach())
    gradient = torch.autograd.grad(net(x.requires_grad_())[0, 1, 1, 2], x)[0]
    assert not torch.allclose(found, gradient)


def test_guided_backprop_stops_at_negative_gradients_and_activations():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(3))
        net[2].weight.copy_(torch.tensor([[2.0, -3.0, 5.0]]))
    x = torch.tensor([[1.0, 1.0, -1.0]])
    found = guided_backprop(net, x, first)
    assert found.tolist() == [[2.0, 0.0, 0.0]]  # negative gradient, negative activation


def test_saliency_is_the_size_of_the_gradient():
    net = nn.Linear(3, 1, bias=False)
    torch.testing.assert_close(saliency(net, torch.ones(1, 3), first), net.weight.detach().abs())


def test_integrated_gradients_add_up_to_the_difference_of_the_scores():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 2), nn.Tanh())
    x, baseline = seeded(2, 1, 8, 8), torch.full((2, 1, 8, 8), 0.1)
    found = integrated_gradients(net, x, first, baseline, steps=200)
    difference = (first(net(x)) - first(net(baseline))).detach()
    torch.testing.assert_close(found.sum((1, 2, 3)), difference, atol=2e-3, rtol=0)
    assert difference.abs().min() > 0.01


def test_mistakes(monkeypatch):
    with pytest.raises(InputError, match="the window has 20 pixels, but the image 16"):
        occlusion(nn.Flatten(), torch.ones(1, 1, 16, 16), first, window=20)
    monkeypatch.setattr(attributions, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"captum is not installed.*pip install"):
        saliency(nn.Flatten(), torch.ones(1, 1, 2, 2), first)
