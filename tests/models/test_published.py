"""Published numbers that follow from arithmetic, and the counts that the registry shows."""

import pytest
import torch

from canon.analysis.layer_table import describe
from canon.layers import taps
from canon.models import build, model_info, names, resnet

LENETS = ["lenet5", "lenet5-modern", "alexnet", "alexnet-tv"]
VGGS = ["vgg11", "vgg11-lrn", "vgg13", "vgg16-c", "vgg16", "vgg19"]
VGGS += [f"{column}-bn" for column in VGGS if column != "vgg11-lrn"]
RESNETS = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
RESNETS += ["resnet18-a", "resnet34-a", "resnet18-c", "resnet34-c"]
RESNETS += ["resnet50-tv", "resnet101-tv", "resnet152-tv", "plain18", "plain34"]
CIFAR = [f"{kind}{depth}" for kind in ("plain", "resnet") for depth in (20, 32, 44, 56, 110)]
CLASSICS = ["prototype", "zfnet", "zfnet-b"]
INCEPTIONS = ["googlenet", "googlenet-naive", "googlenet-tv", "bn-inception", "bn-inception-caffe"]
INCEPTIONS += [
    "inception-v3",
    "inception-v3-tv",
    "inception-v4",
    "inception-resnet-v2",
    "inception-resnet-v2-printed",
]
INCEPTIONS += ["xception", "xception-relu", "xception-elu"]
PREACT = [f"preact-resnet{depth}" for depth in (110, 164, 1001, 50, 101, 152, 200)]
PREACT += ["preact-resnet50-timm"]
WIDE = [f"wrn-{table}" for table in ("40-1", "40-2", "40-4", "40-8", "28-10", "28-12", "22-8",
                                     "22-10", "16-8", "16-10", "16-4", "52-1")]  # fmt: skip
WIDE += [f"wrn-{table}-dropout" for table in ("28-10", "16-4", "52-1")]
WIDE += [f"wide-resnet{form}" for form in ("50-2", "101-2", "68-2")]
SE = [f"se-resnet{form}" for form in ("18", "34", "50", "101", "152", "18-timm", "34-timm")]
SE += [f"se-resnet50-r{ratio}" for ratio in (2, 4, 8, 32)]
SE += ["se-resnext50-32x4d", "se-resnext101-32x4d", "senet154", "se-vgg16-bn", "se-bn-inception"]
DENSE = [f"fcn{s}s{form}" for s in (16, 8) for form in ("", "-released")]
DENSE += ["fcn32s", "fcn8s-at-once", "fcn32s-alexnet", "fcn32s-googlenet"]
DENSE += ["segnet", "segnet-basic", "segnet-basic-released"]
DENSE += ["deconvnet", "unet", "unet-same", "unet-same-bn", "encoder-decoder"]
AUTO_ENCODERS = ["cae", "cae-coil", "dec-ae", "dcec-ae", "idec-ae"]
ASSOCIATIVE = ["adc", "adc-thin"]
GENERATORS = ["chairs", "chairs-deep", "chairs-64"]
ISSUED = (
    AUTO_ENCODERS + ASSOCIATIVE + GENERATORS + CLASSICS + INCEPTIONS + PREACT + WIDE + SE + DENSE
)
ISSUED += LENETS + VGGS + RESNETS + CIFAR + ["resnet1202"]


def test_exactly_these_networks_are_registered():
    assert sorted(names()) == sorted(ISSUED)


@pytest.mark.parametrize("name", names())
def test_parameters_and_multiplications_are_those_of_the_registry(name):
    """A lock: `tests/models/test_oracles.py` compares the networks with what their papers print."""
    published = model_info(name).published
    table = describe(name)
    with torch.device("meta"):
        net = build(name)
    assert table.macs == published.macs
    assert table.params == published.params
    trained = sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert trained == published.params + published.aux_params


@pytest.mark.parametrize("name", names())
def test_printed_numbers_agree_within_their_digits(name):
    published = model_info(name).published
    with torch.device("meta"):
        net = build(name)
    norms = sum(p.numel() for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)
                for p in module.parameters())  # fmt: skip
    for exact, printed in (
        (published.params, published.printed_params),
        (published.macs, published.printed_macs),
    ):
        if printed is not None:
            counted = exact if printed.norms else exact - norms
            assert abs(counted - printed.value) <= printed.within


@pytest.mark.parametrize(
    ("name", "conv"),
    [("vgg11", 9_220_480), ("vgg13", 9_404_992), ("vgg16-c", 9_996_096), ("vgg16", 14_714_688),
     ("vgg19", 20_024_384)],
)  # fmt: skip
def test_the_convolutions_of_vgg_have_the_parameters_of_table_1(name, conv):
    rows = [row for row in describe(name).rows if row.kind == "Conv2d"]
    assert sum(row.params for row in rows) == conv


def test_the_layers_of_alexnet_follow_from_section_3():
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


def test_the_streams_of_the_generator_have_the_parameters_of_its_figure():
    with torch.device("meta"):
        plain, deep = build("chairs"), build("chairs-deep")

    def count(module):
        return sum(p.numel() for p in module.parameters())

    assert count(plain.features) == 3_835_392
    assert (count(plain.picture), count(deep.picture)) == (19_135_199, 19_822_331)


def test_plain_nets_have_the_parameters_of_option_a():
    for plain, residual in (
        ("plain18", "resnet18-a"),
        ("plain34", "resnet34-a"),
        ("plain56", "resnet56"),
    ):
        assert model_info(plain).published.params == model_info(residual).published.params


def test_option_c_projects_thirteen_shortcuts_more_than_b_in_resnet34():
    def projections(name):
        return sum(r.kernel == (1, 1) and ".shortcut." in r.name for r in describe(name).rows)

    assert projections("resnet34-c") - projections("resnet34") == 13


def test_the_modules_of_googlenet_cost_what_table_1_prints_where_it_is_right():
    stages = {}
    for row in describe("googlenet").rows:
        params, macs = stages.get(row.stage, (0, 0))
        stages[row.stage] = params + row.params, macs + row.macs
    modules = {k.removeprefix("inception"): v for k, v in stages.items() if k.startswith("inc")}
    assert modules == {
        "3a": (163_696, 128_049_152), "3b": (388_736, 304_267_264), "4a": (376_176, 73_608_192),
        "4b": (449_160, 87_908_352), "4c": (510_104, 99_850_240), "4d": (605_376, 118_515_712),
        "4e": (868_352, 169_996_288), "5a": (1_043_456, 51_079_168), "5b": (1_444_080, 70_697_984),
    }  # fmt: skip
    assert stages["conv1"] == (9_472, 118_013_952)
    assert tuple(map(sum, zip(stages["reduce2"], stages["conv2"], strict=True))) == (
        114_944,
        359_661_568,
    )
    printed = {"3a": 128, "3b": 304, "4a": 73, "4b": 88, "4c": 100, "4d": 119, "4e": 170, "5b": 71}
    for name, millions in printed.items():
        assert abs(modules[name][1] / 1e6 - millions) < 1.1
    biases = {"3a": 64 + 96 + 128 + 16 + 32 + 32, "3b": 128 + 128 + 192 + 32 + 96 + 64}
    for name, thousands in (("3a", 159), ("3b", 380)):
        assert abs((modules[name][0] - biases[name]) / 1024 - thousands) <= 1


def test_the_2_7k_parameters_that_googlenet_prints_are_a_separable_convolution():
    rows = [r for r in describe("bn-inception").rows if r.stage == "conv1" and r.macs]
    assert sum(r.params for r in rows) == 3 * 8 * 49 + 24 * 64 == 2_712
    assert round(sum(r.macs for r in rows) / 1e6) == 34


@pytest.mark.parametrize(
    ("name", "classes", "params"),
    [("preact-resnet164", 100, 1_726_388), ("preact-resnet1001", 100, 10_350_836),
     ("wrn-28-10", 100, 36_536_884)],
)  # fmt: skip
def test_cifar_100_adds_the_outputs_of_ninety_classes(name, classes, params):
    assert describe(name, classes=classes).params == params


def test_preact_resnet200_multiplies_30_6_billion_times_at_320_pixels():
    assert describe("preact-resnet200", 320).macs == 30_625_382_400


def test_a_naive_inception_module_passes_its_input_on_and_grows():
    naive = {r.name: r.output for r in describe("googlenet-naive").rows}
    assert naive["inception3a.pool"] == (192, 28, 28)
    with torch.device("meta"):
        taps_of = {
            name: taps(build(name).features, torch.empty(1, 3, 224, 224))["inception3a"].shape
            for name in ("googlenet-naive", "googlenet")
        }
    assert taps_of["googlenet-naive"] == (1, 64 + 128 + 32 + 192, 28, 28)
    assert taps_of["googlenet"] == (1, 64 + 128 + 32 + 32, 28, 28)


def test_the_layers_of_zfnet_follow_from_figure_3():
    rows = [row for row in describe("zfnet").rows if row.macs]
    assert [row.params for row in rows] == [
        14_208, 614_656, 885_120, 1_327_488, 884_992, 37_752_832, 16_781_312, 4_097_000
    ]  # fmt: skip
    sides = [row.output[-1] for row in describe("zfnet").rows if row.kernel]
    assert sides == [110, 55, 26, 13, 13, 13, 13, 6]


@pytest.mark.parametrize(
    ("block", "macs"),
    [(resnet.Bottleneck, 14_776_270_848), (resnet.BottleneckTV, 15_007_481_856)],
)
def test_the_original_resnet_of_200_layers_has_the_parameters_of_the_comparison(block, macs):
    with torch.device("meta"):
        net = resnet.ResNet(block, (3, 24, 36, 3))
    table = describe(net, 224)
    assert (table.params, table.macs) == (64_673_832, macs)
