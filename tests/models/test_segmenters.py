"""Numbers that the papers on segmentation print, and the sizes that their networks take."""

import pytest
import torch
from torch import nn

from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.models import build, names

FCNS = [name for name in names("segment") if name.startswith("fcn")]


def test_unet_has_23_convolutions_and_enlarges_to_the_sizes_of_figure_1():
    with torch.device("meta"):
        net = build("unet")
        assert net(torch.empty(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convs) == 23
    rows = {row.name: row for row in describe("unet").rows}
    ups = [rows[f"up{i}.up.enlarge"] for i in (3, 2, 1, 0)]
    assert [row.params for row in ups] == [2_097_664, 524_544, 131_200, 32_832]
    assert [row.output[-1] for row in ups] == [56, 104, 200, 392]


@pytest.mark.parametrize(
    ("channels", "classes", "params"),
    [(1, 1, 31_030_593), (3, 2, 31_031_810), (3, 1, 31_031_745), (3, 21, 31_033_045)],
)
def test_the_parameters_of_unet_follow_channels_and_classes(channels, classes, params):
    assert describe("unet", channels=channels, classes=classes).params == params


def test_the_normalized_unet_has_the_parameters_of_its_ports():
    for classes, params in ((1, 31_037_633), (2, 31_037_698)):
        assert describe("unet-same-bn", channels=3, classes=classes).params == params


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["unet", "unet-same"])
def test_the_legal_sides_of_unet_are_those_that_it_computes(name, depth):
    with torch.device("meta"):
        net = build(name, width=1, depth=depth)
        legal = []
        for side in range(1, 470):
            try:
                legal.append((side, net.output_side(side)))
            except InputError:
                continue
        for side, out in (*legal[:2], legal[-1]):
            assert net(torch.empty(1, 1, side, side)).shape[-1] == out
    assert legal[1][0] - legal[0][0] == 2**depth
    if name == "unet" and depth == 4:
        assert [side for side, _ in legal[:3]] == [188, 204, 220]
        assert all(side - out == 184 for side, out in legal)


def test_an_illegal_side_is_refused_with_the_rule_and_the_nearest_side():
    with pytest.raises(InputError, match=r"500 .*expected 188 \+ 16k.*--image 492 or 508"):
        build("unet", image=500)
    with pytest.raises(InputError, match=r"expected 188 \+ 16k. Pass --image 188,"):
        build("unet", image=100)
    with pytest.raises(InputError, match=r"a multiple of 16. Pass --image 96 or 112"):
        build("unet-same", width=2)(torch.zeros(1, 1, 96, 100))
    with pytest.raises(
        InputError, match=r"192 pixels leave less than the 7 x 7 window of fc6.*193"
    ):
        build("deconvnet", image=192)


@pytest.mark.parametrize("size", [(1, 1), (33, 65), (224, 224), (375, 500), (281, 500)])
def test_the_scores_of_fcns_are_as_large_as_any_image(size):
    with torch.device("meta"):
        for name in FCNS:
            assert build(name)(torch.empty(1, 3, *size)).shape == (1, 21, *size)


def test_the_crop_offsets_of_fcns_are_those_of_the_released_code():
    with torch.device("meta"):
        for name, score, crops in (
            ("fcn32s", 19, []), ("fcn16s", 27, [5]), ("fcn8s", 31, [5, 9]),
            ("fcn32s-alexnet", 18, []),
        ):  # fmt: skip
            net = build(name)
            assert net.crop.offset == score
            assert [step.crop.offset for step in net.decoder] == crops


def test_the_maps_of_fcns_at_500_pixels_are_those_of_the_released_code():
    outputs = {row.name: row.output for row in describe("fcn8s", 500).rows}
    assert outputs["score_pool4.up.enlarge"] == (21, 34, 34)
    assert outputs["score_pool3.up.enlarge"] == (21, 70, 70)
    assert outputs["upscore.enlarge"] == (21, 568, 568)
    for name, side in (("fcn32s", 544), ("fcn16s", 560)):
        rows = {row.name: row.output for row in describe(name, 500).rows}
        assert rows["upscore.enlarge"] == (21, side, side)


def test_the_receptive_fields_before_the_scores_are_those_of_table_1():
    """The features' field and six more steps of 32 pixels under fc6: 212 + 192, 195 + 160."""
    for name, size in (("fcn32s", 404), ("fcn32s-alexnet", 355)):
        rows = {row.name: row.field for row in describe(name, 500).rows}
        assert rows["score"].height.size == size
        assert rows["score"].height.jump == 32


def test_fcn_starts_with_scores_of_zero_and_bilinear_upsampling():
    net = build("fcn32s-googlenet", classes=2).eval()
    with torch.no_grad():
        assert not net(torch.randn(1, 3, 40, 40)).any()
        net.score.bias.copy_(torch.tensor([1.0, -2.0]))
        y = net(torch.randn(1, 3, 40, 40))  # a constant map stays one: the kernel sums to one
    torch.testing.assert_close(y[0, :, 20, 20], torch.tensor([1.0, -2.0]))


@pytest.mark.parametrize(
    ("classes", "params"), [(12, 29_449_932), (21, 29_455_125), (37, 29_464_357)]
)
def test_the_parameters_of_segnet_follow_the_classes(classes, params):
    assert describe("segnet", classes=classes).params == params


def test_segnet_has_the_convolutions_of_vgg16_and_pools_45_rows_to_23():
    table = describe("segnet")
    convs = [r for r in table.rows if r.kind == "Conv2d" and r.stage.startswith("stage")]
    assert sum(row.params for row in convs) == 14_714_688
    outputs = {row.name: row.output for row in table.rows}
    assert outputs["pool4"] == (512, 23, 30)
    assert outputs["decode4.up.enlarge"] == (512, 45, 60)


def test_deconvnet_without_normalization_has_the_parameters_that_others_count():
    rows = describe("deconvnet").rows
    assert sum(row.params for row in rows if row.kind != "BatchNorm2d") == 251_772_245
