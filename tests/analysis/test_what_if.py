"""The arithmetic that the papers and the lecture argue with."""

import pytest
import torch
from torch import nn

from canon.analysis import Bottleneck, Groups, Separable, parse_change, what_if
from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.layers.inception import conv_relu
from canon.models.googlenet import inception, naive


def totals(change):
    return change.before.macs, change.after.macs


def test_a_1_x_1_reduction_before_a_5_x_5_convolution():
    five = nn.Conv2d(200, 92, 5, padding=2, bias=False)
    changed = what_if(five, Bottleneck(16), 32, channels=200)
    assert totals(changed) == (471_040_000, 40_960_000)
    assert [row.macs for row in changed.replaced[0].after] == [3_276_800, 37_683_200]
    on_inception = what_if(nn.Conv2d(192, 32, 5, padding=2), Bottleneck(16), 28, channels=192)
    assert totals(on_inception) == (120_422_400, 2_408_448 + 10_035_200)


def test_a_separable_convolution_over_eight_by_eight_places():
    dense = nn.Conv2d(3, 256, 5, bias=False)
    changed = what_if(dense, Separable(), 12, channels=3)
    assert totals(changed) == (1_228_800, 4_800 + 49_152)
    assert [row.macs for row in changed.replaced[0].after] == [4_800, 49_152]
    assert (changed.before.params, changed.after.params) == (19_200, 843)
    assert changed.before.macs / changed.after.macs == pytest.approx(22.78, abs=0.005)


def test_groups_divide_the_multiplications():
    changed = what_if(nn.Conv2d(96, 256, 5, padding=2), Groups(2), 27, channels=96)
    assert changed.before.macs == 2 * changed.after.macs == 2 * 223_948_800


def test_naive_and_projected_inception_modules_of_the_lecture():
    x = torch.empty(1, 192, 28, 28, device="meta")
    filters_3a = (64, 96, 128, 16, 32, 32)
    with torch.device("meta"):
        assert naive(192, 64, 128, 32)(x).shape == (1, 416, 28, 28)
        assert inception(192, filters_3a, conv_relu, kernel5=5)(x).shape == (1, 256, 28, 28)


def test_the_naive_module_of_the_other_lecture_multiplies_854_million_times():
    with torch.device("meta"):
        module = naive(256, 128, 192, 96)
        assert module(torch.empty(1, 256, 28, 28)).shape[1] == 672
    assert describe(module, 28, channels=256).macs == 854_196_224


def test_a_1_x_1_convolution_of_the_lecture():
    row = describe(nn.Conv2d(64, 32, 1), 56, channels=64).rows[0]
    assert (row.output, row.macs, row.params) == ((32, 56, 56), 6_422_528, 2_080)


def test_a_replaced_layer_has_the_output_size_it_had():
    changed = what_if("alexnet", Separable())
    sizes = {row.name: row.output for row in changed.before.rows}
    for conv in changed.replaced:
        assert conv.after[-1].output == sizes[conv.name]
        assert sum(row.macs for row in conv.before) > sum(row.macs for row in conv.after)
    assert changed.after.rows[-1].output == (1000,)


@pytest.mark.parametrize("name", ["inception-v3", "googlenet", "bn-inception", "se-resnet50"])
def test_auxiliary_heads_are_not_replaced(name):
    changed = what_if(name, Separable())
    assert changed.after.macs < changed.before.macs
    assert not any(conv.name.startswith("aux") for conv in changed.replaced)


def test_a_convolution_that_is_used_twice_counts_twice():
    conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    changed = what_if(nn.Sequential(conv, conv), Separable(), 8, channels=4)
    (replaced,) = changed.replaced
    assert sum(row.macs for row in replaced.before) == changed.before.macs == 2 * 144 * 64


def test_layers_that_a_change_cannot_replace_are_named():
    changed = what_if("vgg16", Bottleneck(16))
    assert changed.not_replaced == ("stage1.0",)  # three channels are fewer than 16
    assert len(changed.replaced) == 12
    assert what_if("xception", Separable()).not_replaced[0] == "entry1.branch.0.0.depthwise"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seperable", r"expected one of separable, .* Did you mean 'separable'\?"),
        ("groups", "expected one of separable, bottleneck=R, groups=G with a whole number above 0"),
        ("groups=0", "with a whole number above 0"),
        ("bottleneck=x", "with a whole number above 0"),
        ("separable=3", "expected one of"),
        ("groups=\u00b2", "with a whole number above 0"),
        ("groups=7", "fits none of the 13 convolutions; expected a divisor"),
        ("bottleneck=512", "fits none of the 13 convolutions"),
    ],
)
def test_impossible_changes_are_refused_in_one_line(change, message):
    with pytest.raises(InputError, match=message) as caught:
        what_if("vgg16", parse_change(change))
    assert "\n" not in str(caught.value)


def test_a_network_without_wide_convolutions_has_nothing_to_replace():
    with pytest.raises(InputError, match="no k x k convolution with k > 1"):
        what_if(nn.Conv2d(3, 4, 1), Separable(), 8)


def test_a_text_or_a_number_below_one_is_refused_in_python():
    with pytest.raises(InputError, match=r"Pass canon\.analysis\.parse_change\('separable'\)"):
        what_if("vgg16", "separable")
    for change in (Bottleneck, Groups):
        with pytest.raises(InputError, match="is 0; expected a whole number above 0"):
            change(0)


@pytest.mark.parametrize("change", [Separable(), Bottleneck(16), Groups(32)])
def test_a_change_is_written_as_it_is_parsed(change):
    assert parse_change(str(change)) == change


def test_transposed_convolutions_are_replaced():
    """By hand: 8 x 8 inputs of 3 channels, each adds 4 x 4 x 256 products of every channel."""
    dense = nn.ConvTranspose2d(3, 256, 4, stride=2, padding=1, bias=False)
    changed = what_if(dense, Separable(), 8, channels=3)
    assert changed.before.macs == 8 * 8 * 4 * 4 * 3 * 256
    assert [row.macs for row in changed.replaced[0].after] == [8 * 8 * 4 * 4 * 3, 16 * 16 * 3 * 256]
    assert changed.after.rows[-1].output == (256, 16, 16)
    grouped = what_if(nn.ConvTranspose2d(6, 9, 5, 2, 2, 1), Groups(3), 8, channels=6)
    assert grouped.before.macs == 3 * grouped.after.macs
    assert grouped.before.rows[0].output == grouped.after.rows[0].output == (9, 16, 16)
    narrow = what_if(nn.ConvTranspose2d(32, 8, 3, 2), Bottleneck(4), 5, channels=32)
    assert [row.macs for row in narrow.replaced[0].after] == [25 * 32 * 4, 25 * 9 * 4 * 8]
