"""The receptive field through what enlarges maps, against gradients, at every place of a period."""

import pytest
import torch
from torch import nn

from canon.analysis.intervals import FieldIntervals
from canon.analysis.layer_table import describe
from canon.models import build
from tests.helpers.positive import linear, seen_pixels

SMALL = {"unet": {"width": 1}, "unet-same": {"width": 1}, "segnet-basic": {"upsampling": "nearest"},
         "encoder-decoder": {"backbone": "resnet20", "width": 2}}  # fmt: skip


def touched(net: nn.Module, side: int, output: int) -> tuple[int, int]:
    """First and last row of an image on which a row of scores depends."""
    x = torch.rand(1, 1, side, side, dtype=torch.double).add(0.5).requires_grad_()
    y = net(x)
    y[0, 0, output, y.shape[-1] // 2].backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero().flatten()
    return int(rows[0]), int(rows[-1]) + 1


def positive(net: nn.Module) -> nn.Module:
    """The same paths with positive weights and averages for maxima."""
    net = linear(net)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.ConvTranspose2d):
                layer.weight.abs_()
    return net


@pytest.mark.parametrize(
    ("name", "up", "side"),
    [("unet", "transposed", 252), ("unet-same", "transposed", 240), ("unet-same", "nearest", 240),
     ("unet-same", "bilinear", 240), ("unet-same", "bed-of-nails", 304),
     ("encoder-decoder", "bilinear", 200),
     pytest.param("encoder-decoder", "transposed", 200, marks=pytest.mark.slow),
     pytest.param("segnet-basic", "nearest", 240, marks=pytest.mark.slow)],
)  # fmt: skip
def test_gradients_reach_just_the_field_at_every_place_of_a_period(name, up, side):
    numbers = SMALL[name] | {"upsampling": up}
    net = positive(build(name, channels=1, classes=1, **numbers))
    span = describe(name, side, channels=1, classes=1, **numbers).field.height
    period = len(span.intervals)
    middle = net.output_side(side) // 2 // period * period
    for output in {middle, middle + 1, middle + period // 2, middle + period - 1}:
        assert touched(net, side, output) == seen_pixels(span, output, side)


def test_a_transposed_convolution_repeats_every_stride_and_sees_by_hand():
    """3 x 3, stride 2, padding 1: even outputs see one input, odd ones two."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.ConvTranspose2d(1, 1, 3, 2, 1))
    span = describe(net, 15, channels=1).field.height
    assert span == FieldIntervals(((0, 3), (0, 5)), 2)
    assert (span.size, span.jump, span.reach) == (5, 1, 3)
    assert [span.at(o) for o in (2, 3)] == [(2, 5), (2, 7)]


def test_an_output_of_unet_sees_185_pixels_or_more_by_its_phase():
    """A valid U-Net loses 184 pixels; an output sees one more, and up to 15 by its phase."""
    span = describe("unet").field.height
    assert len(span.intervals) == 16
    assert min(end - start for start, end in span.intervals) >= 185
    assert span.at(0)[0] == 0
    assert span.at(387)[1] == 572


def test_interpolation_by_two_and_back_sees_what_the_formula_says():
    up = nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"))
    assert describe(up, 8, channels=1).field.height == FieldIntervals(((-1, 1), (0, 2)), 1)
    nearest = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"))
    assert describe(nearest, 8, channels=1).field.height == FieldIntervals(((0, 1), (0, 1)), 1)
