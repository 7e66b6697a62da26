"""The receptive field against gradients, against published sizes and by hand."""

import pytest
import torch
from torch import nn

from canon.analysis.intervals import FieldIntervals, ReceptiveField
from canon.analysis.layer_table import describe
from canon.models import build, model_info, names
from canon.registry import smallest_image
from tests.helpers.positive import linear, seen_pixels

# Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
PUBLISHED = {
    "alexnet": 195, "vgg16": 212, "resnet50": 483, "resnet101": 1027, "resnet152": 1507,
    "inception-v3": 1311, "inception-v4": 2071, "inception-resnet-v2": 3039,
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), PUBLISHED.items())
def test_sizes_are_those_published_elsewhere(name, size):
    field = describe(name).field
    assert (field.height.size, field.width.size, field.height.jump) == (size, size, 32)


def rows_seen(net: nn.Module, x: torch.Tensor, output: int, axis: int) -> tuple[int, int]:
    """First row of the image on which an output depends, and the one after the last."""
    x = x.clone().requires_grad_()
    y = net.features(x)
    middle = y.shape[5 - axis] // 2
    place = (output, middle) if axis == 2 else (middle, output)
    y[0, :, place[0], place[1]].sum().backward()
    touched = x.grad[0].abs().sum((0, 4 - axis)).nonzero().flatten().tolist()
    assert touched == list(range(touched[0], touched[-1] + 1))
    return touched[0], touched[-1] + 1


LONG = 400  # pixels, up to which the centre is checked too


QUICK = {  # one of each kind of path
    "lenet5", "alexnet-tv", "zfnet", "vgg11", "googlenet-tv", "prototype", "plain20", "resnet18",
    "wrn-16-4", "se-resnet18",
}  # fmt: skip
NETWORKS = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in names("classify")
    if name != "resnet1202"  # the gradient of 1202 layers is less than a double can hold
]


def long_image(name: str, axis: int) -> tuple[torch.Tensor, FieldIntervals]:
    """An image as long as the first output sees on one side, and as narrow as is legal."""
    published, field = model_info(name).published, describe(name).field
    narrow = 32 if name.startswith("lenet5") else max(smallest_image(name), 16)
    span = field.height if axis == 2 else field.width
    long = max(narrow, LONG // 2 if field.whole else span.low + span.size + 8)
    shape = [1, published.channels, narrow, narrow]
    shape[axis] = long
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    return x + 0.5, FieldIntervals.of(0, long, span.jump) if field.whole else span


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_the_corner_and_the_centre_reach_just_the_field(name):
    x, span = long_image(name, 2)
    net = linear(build(name, classes=2))
    long, outputs = x.shape[2], net.features(x).shape[2]
    whole = span.low == 0 and span.size == long
    for output in (0, outputs // 2) if long <= LONG else (0,):
        expected = (0, long) if whole else seen_pixels(span, output, long)
        seen = rows_seen(net, x, output, 2)
        assert seen[0] == expected[0]
        # At the lower edge of the image some rows are in no window, where sizes are fractions.
        assert seen[1] == expected[1] or expected[1] == long < seen[1] + span.jump
        assert seen[1] < long or output > 0 or whole  # the corner's field ends in the image


@pytest.mark.parametrize(("name", "n"), [("resnet20", 3), ("resnet110", 18), ("resnet1202", 200)])
def test_the_nets_of_6n_plus_2_layers_see_28n_minus_3_pixels(name, n):
    # 2n convolutions of 3 x 3 a stage, the first of a stage before its stride takes effect. The
    # gradient of 1202 layers at the edge of 5,597 pixels is less than a double can hold.
    stages = 2 * 2 * n * 1, 2 * 1 + 2 * (2 * n - 1) * 2, 2 * 2 + 2 * (2 * n - 1) * 4
    assert describe(name).field.height.size == 3 + sum(stages) == 28 * n - 3


@pytest.mark.parametrize(
    "name", ["inception-v3", pytest.param("inception-v4", marks=pytest.mark.slow), "googlenet"]
)
def test_width_is_followed_apart_from_height(name):
    x, span = long_image(name, 3)
    net = linear(build(name, classes=2))
    assert rows_seen(net, x, 0, 3) == seen_pixels(span, 0, x.shape[3])


@pytest.mark.parametrize(
    "name",
    [
        "googlenet",
        "resnet18",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("xception", "inception-v3")),
    ],
)
def test_the_row_of_every_stage_has_the_field_of_its_output(name):
    net = linear(build(name, classes=2))
    side = max(smallest_image(name), 64)
    x = torch.rand(1, 3, side, side, dtype=torch.double) + 0.5
    fields = {row.name: row.field for row in describe(name).stages()}
    for depth, (stage, _) in enumerate(net.features.named_children(), 1):
        part = nn.Module()
        part.features = net.features[:depth]
        output = part.features(x).shape[2] // 2
        seen, expected = (
            rows_seen(part, x, output, 2),
            seen_pixels(fields[stage].height, output, side),
        )
        assert seen[0] == expected[0]
        assert seen[1] == expected[1] or expected[1] == side < seen[1] + fields[stage].height.jump


def test_windows_compose_as_by_hand():
    net = nn.Sequential(nn.Conv2d(1, 1, 7, 2, 3), nn.MaxPool2d(3, 2, 1), nn.Conv2d(1, 1, 3, 1, 1))
    seven, three, last = (row.field.height for row in describe(net, 32, channels=1).rows)
    assert (seven.size, seven.jump, seven.offset) == (7, 2, 0)
    assert (three.size, three.jump, three.offset) == (11, 4, 0)
    assert (last.size, last.jump, last.offset) == (19, 4, 0)


def test_a_dilated_and_an_uneven_window_are_seen_at_their_real_sizes():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, dilation=4), nn.Conv2d(1, 1, (1, 7), padding=(0, 3)))
    field = describe(net, 32, channels=1).field
    assert field.height == FieldIntervals.of(0, 9, 1)
    assert field.width == FieldIntervals.of(-3, 15, 1)


def test_padding_by_name_and_layers_of_other_dimensions_are_understood():
    net = nn.Sequential(nn.Conv2d(1, 1, 5, padding="same"), nn.Conv2d(1, 1, 3, padding="valid"))
    assert describe(net, 16, channels=1).field.height == FieldIntervals.of(-2, 7, 1)
    flat = nn.Sequential(nn.Flatten(2), nn.Conv1d(1, 1, 3))
    assert describe(flat, 4, channels=1).rows[-1].kernel is None


def test_branches_give_the_field_that_holds_them_all():
    assert FieldIntervals.of(-1, 3, 1).union(FieldIntervals.of(0, 5, 1)) == FieldIntervals.of(
        -1, 6, 1
    )
    tall = ReceptiveField(FieldIntervals.of(-2, 5, 1), FieldIntervals.of(0, 1, 1))
    wide = ReceptiveField(FieldIntervals.of(0, 1, 1), FieldIntervals.of(-3, 7, 1))
    assert tall.union(wide) == ReceptiveField(
        FieldIntervals.of(-2, 5, 1), FieldIntervals.of(-3, 7, 1)
    )


def test_a_gate_that_squeezes_the_whole_map_makes_every_output_see_the_whole_image():
    gated, plain = describe("se-resnet50"), describe("resnet50")
    assert gated.field.whole
    assert not plain.field.whole
    assert gated.seen(gated.field)[0] == (224, 224)
    assert plain.seen(plain.field)[0] == (483, 483)


def test_a_strided_1_x_1_convolution_never_sees_three_quarters_of_its_input():
    rows = {row.name: row for row in describe("resnet50").rows}
    assert rows["conv3_x.0.branch.0.0"].unseen_share == 0.75
    assert rows["conv3_x.0.shortcut.0"].unseen_share == 0.75
    tv = {row.name: row for row in describe("resnet50-tv").rows}
    assert tv["conv3_x.0.branch.2.0"].unseen_share == 0
