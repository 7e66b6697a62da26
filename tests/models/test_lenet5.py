import pytest
import torch
from torch.nn import functional as F

from canon.analysis.layer_table import describe
from canon.layers import taps
from canon.models import build
from canon.models.lenet5 import C3_TABLE, RBF, LeNet5, ScaledTanh, TableConv
from tests.helpers.oracle import records


@pytest.fixture
def net():
    return build("lenet5")


def connections(net: LeNet5) -> int:
    """As section II.B counts them: a shared weight counts at every position, a subsampling unit has
    four inputs and a bias, and the fixed weights of the output count."""
    total = sum(p.numel() for p in net.head.parameters()) + RBF(10).codes.numel()
    for name, y in taps(net.features, torch.empty(1, 1, 32, 32)).items():
        params = sum(p.numel() for p in net.features.get_submodule(name).parameters())
        total += 5 * y.numel() if name in ("s2", "s4") else params * y.shape[-1] ** 2
    return total


def test_it_has_exactly_60000_parameters_and_340908_connections(net):
    assert sum(p.numel() for p in net.parameters()) == 60_000
    assert connections(net) == 340_908


def test_each_layer_has_the_parameters_of_section_ii_b(net):
    counts = {
        name: sum(p.numel() for p in stage.parameters())
        for name, stage in net.features.named_children()
    }
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120}
    assert sum(p.numel() for p in net.head.f6.parameters()) == 10164
    assert sum(p.numel() for p in net.head.output.parameters()) == 0


def test_table_1_has_ten_connections_a_row_and_six_nine_one_by_inputs():
    assert [row.count("X") for row in C3_TABLE] == [10] * 6
    inputs = [sum(row[o] == "X" for row in C3_TABLE) for o in range(16)]
    assert sorted(inputs) == [3] * 6 + [4] * 9 + [6]


def test_the_table_convolution_is_a_convolution_with_zeros_where_nothing_connects():
    layer = TableConv(C3_TABLE)
    torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    dense = torch.zeros(16, 6, 5, 5)
    kernels = iter(layer.weight.detach())
    for o in range(16):
        for i in range(6):
            if C3_TABLE[i][o] == "X":
                dense[o, i] = next(kernels)
    x = torch.randn(2, 6, 14, 14)
    torch.testing.assert_close(layer(x), F.conv2d(x, dense, layer.bias))


def test_the_activation_maps_one_to_one():
    ones = torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(ScaledTanh()(ones), ones, rtol=0, atol=1e-4)


def test_subsampling_is_a_coefficient_times_the_sum_plus_a_bias(net):
    layer = net.features.s2[0]
    x = torch.randn(1, 6, 4, 4)
    by_hand = x[0, 2, 2:4, 0:2].sum() * layer.weight[2] + layer.bias[2]
    torch.testing.assert_close(layer(x)[0, 2, 1, 0], by_hand)


def test_outputs_are_negative_squared_distances_to_bitmaps_of_plus_and_minus_one():
    layer = RBF(10)
    assert layer.codes.shape == (10, 84)
    assert set(layer.codes.flatten().tolist()) == {-1.0, 1.0}
    assert len({tuple(code) for code in layer.codes.tolist()}) == 10
    x = torch.randn(3, 84)
    torch.testing.assert_close(
        -layer(x), torch.cdist(x, layer.codes).square(), rtol=1e-4, atol=1e-3
    )


def test_other_class_counts_have_distinct_codes_that_do_not_change():
    codes = RBF(37).codes
    assert len({tuple(code) for code in codes.tolist()}) == 37
    assert torch.equal(codes, RBF(37).codes)


def test_the_loss_is_equation_9(net):
    logits, labels = torch.randn(4, 10) * 3, torch.tensor([0, 3, 9, 3])
    y, j = -logits.double(), 0.1
    by_hand = [
        y[i, d] + torch.log(torch.exp(torch.tensor(-j)) + torch.exp(-y[i]).sum())
        for i, d in enumerate(labels)
    ]
    torch.testing.assert_close(
        net.loss(logits, labels).double(), torch.stack(by_hand), rtol=1e-5, atol=1e-5
    )


def test_initial_weights_lie_within_2_4_over_the_fan_in(net):
    for weight, fan in (
        (net.features.c1[0].weight, 25), (net.features.s2[0].weight, 4),
        (net.features.c5[0].weight, 400), (net.head.f6[0].weight, 120),
    ):  # fmt: skip
        assert 0.5 * 2.4 / fan < weight.abs().max() <= 2.4 / fan
    layer = net.features.c3[0]
    maps = (layer.pairs // 6).tolist()
    for o, inputs in ((0, 3), (6, 4), (15, 6)):
        kernels = torch.stack([w for w, m in zip(layer.weight, maps, strict=True) if m == o])
        assert 0.8 * 2.4 / (25 * inputs) < kernels.abs().max() <= 2.4 / (25 * inputs)


def test_the_maps_of_c3_see_those_that_table_1_says():
    """By gradients: which maps of S2 each map of C3 depends on."""
    table = records()["lenet5"].facts["c3"].split()
    layer = next(m for m in LeNet5().modules() if isinstance(m, TableConv))
    x = torch.randn(1, 6, 5, 5, requires_grad=True)
    for o in range(16):
        (gradient,) = torch.autograd.grad(layer(x)[0, o].sum(), x)
        seen = gradient[0].flatten(1).any(1).tolist()
        assert seen == [row[o] == "X" for row in table]


def test_the_bitmaps_are_those_of_an_independent_transcription():
    head, *rows = records()["lenet5"].facts["bitmaps"].strip().splitlines()
    codes = next(m for m in LeNet5().modules() if isinstance(m, RBF)).codes
    for place, digit in enumerate(head.split()):
        drawn = "".join(row.split()[place] for row in rows)
        expected = [1.0 if one == "#" else -1.0 for one in drawn]
        assert codes[int(digit)].tolist() == expected


def test_a_unit_of_each_layer_sees_the_pixels_that_follow_from_section_ii_b():
    """5, 6, 14 and 16 pixels, and all 32 for C5; units of S2 and C3 are 2 pixels apart."""
    fields = {row.stage: row.field.height for row in describe("lenet5").rows if row.kernel}
    assert {stage: (field.intervals, field.shift) for stage, field in fields.items()} == {
        "c1": (((0, 5),), 1), "s2": (((0, 6),), 2), "c3": (((0, 14),), 2),
        "s4": (((0, 16),), 4), "c5": (((0, 32),), 4),
    }  # fmt: skip
