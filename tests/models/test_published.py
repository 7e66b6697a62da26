"""Every published number that follows from arithmetic, through the registry's own records."""

import inspect
import re

import pytest
import torch

from canon.explain import describe
from canon.layers import taps
from canon.models import alexnet, create, entry, lenet5, names, resnet, vgg

LENETS = ["lenet5", "lenet5-modern", "alexnet", "alexnet-tv"]
VGGS = ["vgg11", "vgg11-lrn", "vgg13", "vgg16-c", "vgg16", "vgg19"]
VGGS += [f"{column}-bn" for column in VGGS if column != "vgg11-lrn"]
RESNETS = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
RESNETS += ["resnet18-a", "resnet34-a", "resnet18-c", "resnet34-c"]
RESNETS += ["resnet50-tv", "resnet101-tv", "resnet152-tv", "plain18", "plain34"]
CIFAR = [f"{kind}{depth}" for kind in ("plain", "resnet") for depth in (20, 32, 44, 56, 110)]
ISSUED = LENETS + VGGS + RESNETS + CIFAR + ["resnet1202"]


def test_every_network_is_registered_and_no_other():
    assert sorted(names()) == sorted(ISSUED)


@pytest.mark.parametrize("name", names())
def test_parameters_and_multiplications_are_those_published(name):
    published = entry(name).published
    table = describe(name)
    with torch.device("meta"):
        net = create(name)
    assert table.macs == published.macs
    assert table.params == published.params
    assert sum(p.numel() for p in net.parameters()) == published.params


@pytest.mark.parametrize("name", names())
def test_what_the_paper_prints_agrees_as_far_as_it_is_exact(name):
    published = entry(name).published
    for exact, printed in (
        (published.params, published.printed_params),
        (published.macs, published.printed_macs),
    ):
        if printed is not None:
            assert abs(exact - printed.value) <= printed.within


@pytest.mark.parametrize(
    ("name", "conv"),
    [("vgg11", 9_220_480), ("vgg13", 9_404_992), ("vgg16-c", 9_996_096), ("vgg16", 14_714_688),
     ("vgg19", 20_024_384)],
)  # fmt: skip
def test_the_convolutions_of_the_vggs_hold_what_they_should(name, conv):
    rows = [row for row in describe(name).rows if row.kind == "Conv2d"]
    assert sum(row.params for row in rows) == conv


def test_alexnet_s_layers_are_the_paper_s():
    rows = {row.name.split(".")[0]: row for row in describe("alexnet").rows if row.macs}
    counted = {name: (row.params, row.macs) for name, row in rows.items()}
    assert counted == {
        "conv1": (34_944, 105_415_200),
        "conv2": (307_456, 223_948_800),
        "conv3": (885_120, 149_520_384),
        "conv4": (663_936, 112_140_288),
        "conv5": (442_624, 74_760_192),
        "fc6": (37_752_832, 37_748_736),
        "fc7": (16_781_312, 16_777_216),
        "fc8": (4_097_000, 4_096_000),
    }


def test_plain_nets_have_the_parameters_of_option_a():
    for plain, residual in (
        ("plain18", "resnet18-a"),
        ("plain34", "resnet34-a"),
        ("plain56", "resnet56"),
    ):
        assert entry(plain).published.params == entry(residual).published.params


def test_option_c_projects_thirteen_shortcuts_more_than_b_in_resnet34():
    def projections(name):
        return sum(r.kernel == 1 and ".shortcut." in r.name for r in describe(name).rows)

    assert projections("resnet34-c") - projections("resnet34") == 13


MARGIN = re.compile(r"^\s+(\w+)=.*# (\d+) x (\d+) x (\d+)$", re.MULTILINE)


@pytest.mark.parametrize(
    ("built", "name"),
    [
        (vgg.VGG, "vgg16"), (resnet.ResNet, "resnet50"), (resnet.CifarResNet, "resnet20"),
        (alexnet.AlexNet, "alexnet"), (alexnet.AlexNetTV, "alexnet-tv"), (lenet5.LeNet5, "lenet5"),
        (lenet5.LeNet5Modern, "lenet5-modern"),
    ],
)  # fmt: skip
def test_margin_shapes_are_true(built, name):
    written = {
        stage: tuple(map(int, chw)) for stage, *chw in MARGIN.findall(inspect.getsource(built))
    }
    published = entry(name).published
    with torch.device("meta"):
        x = torch.empty(1, published.channels, published.image, published.image)
        real = taps(create(name).features, x)
    assert written
    assert {stage: tuple(y.shape[1:]) for stage, y in real.items() if stage in written} == written
    assert set(written) == set(real)
