"""Folding: against hand calculations, and against the network that was not folded."""

import pytest
import torch
from torch import nn

from canon.deploy.program import export_program

X = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


class Tuple(nn.Module):
    def __init__(self, *parts):
        super().__init__()
        self.net = nn.Sequential(*parts)

    def forward(self, x):
        return (self.net(x),)


def folded(*parts, x=X):
    net = Tuple(*parts).eval()
    program = export_program(net, x, ("y",)).exported
    operators = [str(n.target) for n in program.graph.nodes if n.op == "call_function"]
    with torch.no_grad():
        return operators, program, net(x)[0]


def normalization(kind=nn.BatchNorm2d, channels=4):
    norm = kind(channels)
    with torch.no_grad():
        norm.running_mean.copy_(torch.linspace(-1, 1, channels))
        norm.running_var.copy_(torch.linspace(0.5, 2, channels))
        norm.weight.copy_(torch.linspace(0.5, -1.5, channels))
        norm.bias.copy_(torch.linspace(2, 3, channels))
    return norm


def test_a_convolution_of_one_weight_is_scaled_and_shifted():
    conv, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.0)
    with torch.no_grad():
        conv.weight.fill_(3.0), conv.bias.fill_(1.0)
        norm.running_mean.fill_(2.0), norm.running_var.fill_(4.0)
        norm.weight.fill_(5.0), norm.bias.fill_(7.0)
    _, program, _ = folded(conv, norm, x=torch.ones(2, 1, 2, 2))
    weight, bias = (v for k, v in sorted(program.state_dict.items(), reverse=True))
    assert weight.item() == pytest.approx(5 * 3 / 2)  # g W / sqrt(v)
    assert bias.item() == pytest.approx(5 * (1 - 2) / 2 + 7)  # g (c - m) / sqrt(v) + b


LAYERS = {
    "convolution": (nn.Conv2d(3, 4, 3, bias=False), normalization()),
    "groups": (nn.Conv2d(3, 6, 1), nn.Conv2d(6, 4, 3, groups=2), normalization()),
    "depthwise": (nn.Conv2d(3, 6, 3, groups=3, bias=False), normalization(channels=6)),
    "transposed": (nn.ConvTranspose2d(3, 4, 2, stride=2), normalization()),
    "linear": (nn.Flatten(), nn.Linear(108, 4), normalization(nn.BatchNorm1d)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_normalization_is_gone_and_the_outputs_are_equal(name):
    operators, program, expected = folded(*LAYERS[name])
    assert not any("batch_norm" in operator for operator in operators)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(X)[0], expected, rtol=1e-5, atol=1e-5)


def test_dropout_is_gone():
    operators, *_ = folded(nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.Dropout2d(0.5), nn.ReLU())
    assert operators == ["aten.conv2d.default", "aten.relu.default"]


def test_a_normalization_before_its_layer_stays_and_computes_the_same():
    operators, program, expected = folded(normalization(channels=3), nn.Conv2d(3, 4, 3, padding=1))
    assert "aten.batch_norm.default" in operators
    with torch.no_grad():
        torch.testing.assert_close(program.module()(X)[0], expected)


class Branches(nn.Module):
    """A convolution that a normalisation and a sum both use."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), normalization()

    def forward(self, x):
        y = self.conv(x)
        return (y + self.norm(y),)


def test_a_layer_with_two_users_is_left_as_it_is():
    net = Branches().eval()
    program = export_program(net, X, ("y",)).exported
    with torch.no_grad():
        torch.testing.assert_close(program.module()(X)[0], net(X)[0])
