"""The strongest patches: planted patterns, receptive fields, projections."""

import pytest
import torch
from torch import nn

from canon.errors import InputError
from canon.interpret.filters import filters
from canon.interpret.maximisation import ChannelScore, maximised
from canon.interpret.top_patches import (
    cropped,
    is_chain,
    of_channels,
    projections,
    top_patches,
)
from canon.layers import average_head, stages
from canon.models import build

CROSS = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
BAR = torch.tensor([[1.0, 1, 1], [0, 0, 0], [0, 0, 0]])


@pytest.fixture
def net():
    """The first stage finds crosses and bars, the second pools them."""
    conv = nn.Conv2d(1, 2, 3, padding=1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.stack([CROSS - 5 / 9, BAR - 3 / 9])[:, None])
    features = stages(one=nn.Sequential(conv, nn.ReLU()), two=nn.MaxPool2d(2))
    return stages(features=features, head=average_head(2, 2))


@pytest.fixture
def images():
    """Five images: crosses in the second and, fainter, in the last; a bar in the fourth."""
    x = torch.zeros(5, 1, 12, 12)
    x[1, 0, 5:8, 2:5] = CROSS
    x[3, 0, 0:3, 9:12] = BAR
    x[4, 0, 4:7, 6:9] = 0.9 * CROSS
    return x


def test_planted_patterns_are_the_strongest_patches(net, images):
    found = top_patches(net, images.split(2), "one", count=2)
    assert found.images[0].tolist() == [1, 4]
    assert found.places[0].tolist() == [[6, 3], [5, 7]]  # the centres
    assert found.box(0, 0) == (5, 2, 8, 5)
    torch.testing.assert_close(cropped(images[1, 0], found.box(0, 0)), CROSS)
    torch.testing.assert_close(cropped(images[4, 0], found.box(0, 1)), 0.9 * CROSS)
    assert found.images[1, 0] == 3
    assert found.box(1, 0) == (0, 9, 3, 12)
    assert found.values[0, 0].item() == pytest.approx(5 * 4 / 9)  # five pixels of 1 - 5/9


def test_a_pooled_patch_has_the_pixels_of_its_window(net, images):
    found = top_patches(net, [images], "two", count=1)
    assert found.places[0, 0].tolist() == [3, 1]
    assert found.box(0, 0) == (5, 1, 9, 5)  # windows of the outputs 6 and 7, 2 and 3


def test_a_patch_at_the_edge_is_filled(net):
    x = torch.zeros(1, 1, 12, 12)
    x[0, 0, :2, :3] = CROSS[1:]
    found = top_patches(net, [x], "one", count=1)
    assert found.box(0, 0) == (-1, 0, 2, 3)
    expected = torch.cat([torch.full((1, 3), 7.0), CROSS[1:]])
    torch.testing.assert_close(cropped(x[0, 0], found.box(0, 0), 7.0), expected)


def test_the_projection_of_a_patch_is_its_filter(net, images):
    pytest.importorskip("captum")
    found = top_patches(net, [images], "two", count=2)
    for position, channel in ((0, None), (0, 0)):
        back = projections(net, images[found.images[0]], found, position, channel)
        torch.testing.assert_close(back[0, 0, 5:8, 2:5], CROSS - 5 / 9)
        assert back[0].abs().sum() == pytest.approx((CROSS - 5 / 9).abs().sum().item())
    picked = of_channels(found, [1])
    back = projections(net, images[picked.images[0]], picked, 0, 1)
    torch.testing.assert_close(back[0, 0, 0:3, 9:12], BAR - 3 / 9)


def test_chains():
    assert is_chain(build("alexnet", classes=2).features)
    assert is_chain(build("vgg11", classes=2, image=32).features)
    assert not is_chain(build("resnet20").features)
    assert not is_chain(build("googlenet", classes=2).features)


def test_filters_are_those_of_the_first_convolution(net):
    torch.testing.assert_close(filters(net)[1, 0], BAR - 3 / 9)
    assert filters(build("resnet20"), "stage2").shape == (32, 16, 3, 3)
    with pytest.raises(InputError, match="stage two has no convolution"):
        filters(net, "two")


def test_a_linear_unit_is_maximised_by_its_filter():
    """The image that a smooth linear filter responds to most is the sign of the filter."""
    side = 16
    axis = torch.linspace(-1, 1, side)
    smooth = torch.exp(-4 * (axis[:, None].square() + axis[None].square())) - 0.35
    unit = nn.Conv2d(1, 1, side, bias=False)
    with torch.no_grad():
        unit.weight.copy_(smooth[None, None])
    net = stages(features=stages(one=unit), head=stages())
    found = maximised(ChannelScore(net, "one", 0), lambda y: y, (1, side, side), steps=100)[0]
    assert ((found - 0.5).sign() == smooth.sign()).float().mean() > 0.9
    again = maximised(ChannelScore(net, "one", 0), lambda y: y, (1, side, side), steps=100)[0]
    assert torch.equal(found, again)
    other = maximised(ChannelScore(net, "one", 0), lambda y: y, (1, side, side), steps=5, seed=1)[0]
    assert not torch.equal(found, other)


def test_mistakes(net, images):
    with pytest.raises(InputError, match="no stage is named 'three'"):
        top_patches(net, [images], "three")
    with pytest.raises(InputError, match="there are no images"):
        top_patches(net, [], "one")
    with pytest.raises(InputError, match="has no channel 2; expected 0 to 1"):
        of_channels(top_patches(net, [images], "one"), [2])
