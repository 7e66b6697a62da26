"""What every network with a map of scores promises, and what their papers print."""

import inspect
import re
import warnings

import pytest
import torch
from torch import nn

from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.layers import taps
from canon.models import build, fcn, model_info, names
from canon.models.deconvnet import DeconvNet
from canon.models.segnet import SegNet, SegNetBasic

SMALL = {"unet": {"width": 2}, "unet-same": {"width": 2}, "unet-same-bn": {"width": 2},
         "encoder-decoder": {"backbone": "resnet20", "width": 4}}  # fmt: skip
SIDES = {"unet": 188, "deconvnet": 193}
LIGHT = ["unet", "unet-same", "unet-same-bn", "encoder-decoder", "segnet", "segnet-basic",
         "fcn32s-googlenet"]  # fmt: skip
VGG_FCNS = [name for name in names("segment") if re.match(r"fcn\d+s(?!-alex|-goog)", name)]


def small(name: str, **more) -> nn.Module:
    return build(name, classes=3, **SMALL.get(name, {}), **more)


def images(name: str, count: int) -> torch.Tensor:
    side = SIDES.get(name, 32)
    source = torch.Generator().manual_seed(0)
    return torch.randn(count, model_info(name).published.channels, side, side, generator=source)


@pytest.mark.parametrize("name", LIGHT)
def test_gradients_reach_every_parameter(name):
    net = small(name).train()
    net(images(name, 3)).square().sum().backward()
    if name.startswith("fcn"):  # scores start at zero and let nothing through
        with torch.no_grad():
            net.score.weight.normal_(0, 0.1)
        net(images(name, 3)).square().sum().backward()
    frozen = {n for n, p in net.named_parameters() if not p.requires_grad}
    missing = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert set(missing) <= frozen


@pytest.mark.parametrize("name", names("segment"))
def test_gradients_are_asked_of_every_trained_parameter(name):
    with torch.device("meta"):
        net = build(name)
        published = model_info(name).published
        net(torch.empty(2, published.channels, *published.size)).sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("name", LIGHT)
def test_one_image_gives_the_same_alone_as_in_a_batch_and_weights_follow_from_the_seed(name):
    net, same, other = small(name, seed=3).eval(), small(name, seed=3), small(name, seed=4)
    ours, theirs = net.state_dict(), same.state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    other.load_state_dict(ours)
    x = images(name, 3)
    with torch.inference_mode():
        together, alone = net(x), net(x[:1])
        assert torch.equal(other.eval()(x), together)
    assert together.shape[:2] == (3, 3)
    assert together.shape[-1] == net.output_side(x.shape[-1])
    torch.testing.assert_close(alone, together[:1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", LIGHT)
def test_torch_export_takes_it_whole(name):
    net, x = small(name).eval(), images(name, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of its own plans
        program = torch.export.export(net, (x,))
    torch.testing.assert_close(program.module()(x), net(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", names("segment"))
def test_stages_are_named_and_modules_are_not_reused_or_in_place(name):
    with torch.device("meta"):
        net = build(name).eval()
        assert not any(stage.isdigit() for stage, _ in net.features.named_children())
        calls: dict[nn.Module, int] = {}
        for module in net.modules():
            assert not getattr(module, "inplace", False)
            module.register_forward_hook(lambda m, *_: calls.update({m: calls.get(m, 0) + 1}))
        published = model_info(name).published
        net(torch.empty(1, published.channels, *published.size))
    assert set(calls.values()) == {1}


def test_u_net_s_maps_and_crops_are_those_of_figure_1():
    with torch.device("meta"):
        net = build("unet")
        x = torch.empty(1, 1, 572, 572)
        maps = taps(net.features, x)
        assert net(x).shape == (1, 2, 388, 388)
    shapes = {name: tuple(y.shape[1:]) for name, y in maps.items()}
    assert shapes == {
        "down0": (64, 568, 568), "pool0": (64, 284, 284), "down1": (128, 280, 280),
        "pool1": (128, 140, 140), "down2": (256, 136, 136), "pool2": (256, 68, 68),
        "down3": (512, 64, 64), "pool3": (512, 32, 32), "bottom": (1024, 28, 28),
    }  # fmt: skip
    assert [step.crop.offset for step in net.decoder.values()] == [4, 16, 40, 88]
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
def test_u_net_s_parameters_follow_channels_and_classes(channels, classes, params):
    assert describe("unet", channels=channels, classes=classes).params == params


def test_the_normalised_u_net_has_the_parameters_of_its_ports():
    for classes, params in ((1, 31_037_633), (2, 31_037_698)):
        assert describe("unet-same-bn", channels=3, classes=classes).params == params


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["unet", "unet-same"])
def test_u_net_s_legal_sides_are_those_whose_scores_come_out(name, depth):
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


def test_an_illegal_side_is_told_with_the_rule_and_the_nearest():
    with pytest.raises(InputError, match=r"500 .*expected 188 \+ 16k.*--image 492 or 508"):
        build("unet", image=500)
    with pytest.raises(InputError, match=r"expected 188 \+ 16k. Pass --image 188,"):
        build("unet", image=100)
    with pytest.raises(InputError, match=r"a multiple of 16. Pass --image 96 or 112"):
        build("unet-same", width=2)(torch.zeros(1, 1, 96, 100))
    with pytest.raises(InputError, match=r"192 pixels leaves fc6 less than 7 x 7.*193"):
        build("deconvnet", image=192)


@pytest.mark.parametrize("size", [(1, 1), (33, 65), (224, 224), (375, 500), (281, 500)])
def test_fully_convolutional_nets_give_back_the_size_of_any_image(size):
    with torch.device("meta"):
        for name in (*VGG_FCNS, "fcn32s-alexnet", "fcn32s-googlenet"):
            assert build(name)(torch.empty(1, 3, *size)).shape == (1, 21, *size)


def test_fcn_s_offsets_are_those_of_the_authors_code():
    with torch.device("meta"):
        for name, score, crops in (
            ("fcn32s", 19, []), ("fcn16s", 27, [5]), ("fcn8s", 31, [5, 9]),
            ("fcn32s-alexnet", 18, []),
        ):  # fmt: skip
            net = build(name)
            assert net.crop.offset == score
            assert [step.crop.offset for step in net.decoder] == crops


def test_fcn_s_maps_at_500_pixels_are_those_of_the_authors_code():
    outputs = {row.name: row.output for row in describe("fcn8s", 500).rows}
    assert outputs["score_pool4.up.enlarge"] == (21, 34, 34)
    assert outputs["score_pool3.up.enlarge"] == (21, 70, 70)
    assert outputs["upscore.enlarge"] == (21, 568, 568)
    for name, side in (("fcn32s", 544), ("fcn16s", 560)):
        rows = {row.name: row.output for row in describe(name, 500).rows}
        assert rows["upscore.enlarge"] == (21, side, side)
    written = re.findall(r"(stage\d)=.*# (\d+) x (\d+) x (\d+)", inspect.getsource(fcn.vgg16))
    with torch.device("meta"):
        maps = taps(build("fcn32s").features, torch.empty(1, 3, 500, 500))
    assert {n: list(y.shape[1:]) for n, y in maps.items()} == {
        n: list(map(int, chw)) for n, *chw in written
    }
    assert len(written) == 5


def test_the_layers_before_fcn_s_scores_see_what_table_1_says_of_their_windows():
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
def test_segnet_s_parameters_follow_the_classes(classes, params):
    assert describe("segnet", classes=classes).params == params


def test_segnet_s_convolutions_are_vgg_s_and_45_rows_become_23():
    table = describe("segnet")
    convs = [r for r in table.rows if r.kind == "Conv2d" and r.stage.startswith("stage")]
    assert sum(row.params for row in convs) == 14_714_688
    outputs = {row.name: row.output for row in table.rows}
    assert outputs["pool4"] == (512, 23, 30)
    assert outputs["decode4.up.enlarge"] == (512, 45, 60)


def test_deconvnet_without_normalisation_has_the_parameters_counted_so():
    rows = describe("deconvnet").rows
    assert sum(row.params for row in rows if row.kind != "BatchNorm2d") == 251_772_245


@pytest.mark.parametrize("built", [SegNet, SegNetBasic, DeconvNet])
def test_margin_shapes_are_true(built):
    written = re.findall(r"^\s+(\w+)=.*# (\d+) x (\d+) x (\d+)$", inspect.getsource(built), re.M)
    with torch.device("meta"):
        size = (224, 224) if built is DeconvNet else (360, 480)
        maps = taps(built().eval().features, torch.empty(1, 3, *size))
    real = {name: list(y.shape[1:]) for name, y in maps.items()}
    assert {name: list(map(int, chw)) for name, *chw in written} == real
