"""Auxiliary heads and gates, by hand."""

import pytest
import torch
from torch import nn

from canon.layers import taps
from canon.layers.separable import SeparableConv
from canon.layers.squeeze_excite import SqueezeExcite
from canon.models import build


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_auxiliary_heads_of_googlenet_have_the_parameters_of_section_5():
    with torch.device("meta"):
        net = build("googlenet")
    assert (count(net.aux1), count(net.aux2)) == (3_188_840, 3_190_888)
    assert count(net) == 13_378_280


@pytest.mark.parametrize(
    ("name", "stages", "weight"),
    [("googlenet", ("inception4a", "inception4d"), 0.3), ("inception-v3", ("mixed6e",), 0.4)],
)
def test_auxiliary_logits_come_from_the_named_stages_and_the_first_are_those_of_forward(
    name, stages, weight
):
    net = build(name, classes=5, image=128).eval()
    x = torch.randn(2, 3, 128, 128)
    with torch.inference_mode():
        logits, others = net.with_aux(x)
        maps = taps(net.features, x)
        assert torch.equal(logits, net(x))
    heads = [part for part_name, part in net.named_children() if part_name.startswith("aux")]
    assert len(others) == len(heads) == len(stages)
    with torch.inference_mode():
        for auxiliary, head, stage in zip(others, heads, stages, strict=True):
            assert torch.equal(auxiliary, head(maps[stage]))
            assert auxiliary.shape == (2, 5)
    assert net.aux_weight == weight


def test_googlenet_pools_5_x_5_at_stride_3_before_an_auxiliary_head():
    with torch.device("meta"):
        net = build("googlenet")
        y = taps(net.features, torch.empty(1, 3, 224, 224))
    assert net.aux1.pool(y["inception4a"]).shape == (1, 512, 4, 4)
    assert net.aux2.pool(y["inception4d"]).shape == (1, 528, 4, 4)


def test_a_gate_scales_each_channel_by_two_layers_of_the_means():
    layer = SqueezeExcite(8, reduction=4)
    x = torch.randn(3, 8, 5, 7)
    fc1, fc2 = layer.gate.fc1, layer.gate.fc2
    means = x.mean((2, 3))
    middle = (means @ fc1.weight[:, :, 0, 0].T + fc1.bias).clamp_min(0)
    gates = torch.sigmoid(middle @ fc2.weight[:, :, 0, 0].T + fc2.bias)
    torch.testing.assert_close(layer(x), x * gates[:, :, None, None])
    assert middle.shape == (3, 2)


def test_a_separable_convolution_is_the_dense_one_of_the_product_of_its_kernels():
    layer = SeparableConv(4, 6, kernel=3)
    deep, across = layer.depthwise.weight[:, 0], layer.pointwise.weight[:, :, 0, 0]
    dense = across[:, :, None, None] * deep[None]  # (6, 4, 3, 3)
    x = torch.randn(2, 4, 9, 9)
    torch.testing.assert_close(
        layer(x), nn.functional.conv2d(x, dense, padding=1), rtol=1e-4, atol=1e-5
    )


def test_an_activation_between_follows_the_depthwise_convolution():
    plain, between = build("xception", classes=2), build("xception-relu", classes=2)
    between.load_state_dict(plain.state_dict())
    conv, rectified = (net.features.exit2[0][0] for net in (plain, between))
    x = torch.randn(1, 1024, 4, 4)
    torch.testing.assert_close(rectified(x), conv.pointwise(conv.depthwise(x).clamp_min(0)))
    assert not torch.allclose(rectified(x), conv(x))


def test_dropout_of_wide_resnets_is_between_the_convolutions_of_a_unit():
    with torch.device("meta"):
        units = [build(name).features.conv2[0].branch for name in ("wrn-16-4-dropout", "wrn-16-4")]
    kinds = [[type(m).__name__ for m in branch] for branch in units]
    assert kinds == [
        ["Conv2d", "Sequential", "Dropout", "Conv2d"],
        ["Conv2d", "Sequential", "Conv2d"],
    ]
    assert units[0][2].p == 0.3


def test_the_last_block_of_inception_resnet_v2_is_linear_and_not_scaled():
    with torch.device("meta"):
        net = build("inception-resnet-v2")
    blocks = [*net.features.inception_a, *net.features.inception_b, *net.features.inception_c]
    assert [len(net.features.get_submodule(f"inception_{k}")) for k in "abc"] == [10, 20, 9]
    assert {block.scale for block in blocks} == {0.17, 0.10, 0.20}
    last = net.features.end[0]
    assert last.scale == 1.0
    assert isinstance(last.relu, nn.Identity)


def test_the_caffe_form_of_bn_inception_pools_as_its_convolutions_do_at_odd_sides():
    net = build("bn-inception-caffe", classes=2).eval()
    with torch.inference_mode():
        assert net(torch.randn(1, 3, 150, 150)).shape == (1, 2)
    pool = net.features.inception3c.pool
    x = torch.randn(1, 4, 28, 28)
    assert torch.equal(pool(x), nn.MaxPool2d(3, 2, ceil_mode=True)(x))
