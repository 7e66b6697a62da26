"""Pre-activation ResNet: He et al., ECCV 2016; see PAPER.

Differences from the paper: it gives no table of layers. The nets for 32 x 32 images are those of
the first ResNet paper with pre-activation units (110 with basic ones, 164 and 1001 with
bottlenecks), those for ImageNet have its depths, plus 3, 24, 36, 3 blocks for 200 layers. Where
dimensions change the shortcut is a 1 x 1 convolution of the activated input, the stride of a
bottleneck is in its 3 x 3. For ImageNet conv1 has its own normalisation and rectifier before the
pooling, and the first unit activates the pooled map again before it splits; the appendix asks for
the first activation "right after conv1" and does not mention the pooling. `-timm` is the function
that timm's `resnetv2` weights compute: conv1 without normalisation.
"""

from collections.abc import Callable

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.preactivation import MakeUnit, basic, bn_relu, bottleneck, conv, stage
from canon.models.resnet import D50, D101, D152
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="He, Zhang, Ren, Sun",
    title="Identity Mappings in Deep Residual Networks",
    venue="ECCV",
    year=2016,
    identifier="arXiv:1603.05027",
)


class CifarPreActResNet(nn.Module):
    """Three stages of n units with 16, 32 and 64 filters, four times as many after bottlenecks.

    Args:
        unit: makes a unit.
        expansion: output channels of a unit as a multiple of its filters.
        n: units in each stage.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 32, 32) -> (N, K); any square from 5 pixels.
    """

    def __init__(
        self,
        unit: MakeUnit,
        expansion: int,
        n: int,
        classes: int = 10,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        w1, w2, w3 = (expansion * filters for filters in (16, 32, 64))
        self.features = stages(
            conv1=conv(channels, 16, 3),  # 16 x 32 x 32
            stage1=stage(unit, 16, w1, n, 1),  # 64 x 32 x 32
            stage2=stage(unit, w1, w2, n, 2),  # 128 x 16 x 16
            stage3=stage(unit, w2, w3, n, 2),  # 256 x 8 x 8
            act=bn_relu(w3),  # 256 x 8 x 8
        )
        self.head = average_head(w3, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


# Parameters, multiply-accumulates, the millions of parameters that Table 4 prints; the error on
# CIFAR-10, and the number of the table with it.
# fmt: off
CIFAR: tuple[tuple[str, MakeUnit, int, int, int, int, float | None, float, int], ...] = (
    ("preact-resnet110",  basic,      1,  18,  1_730_522,   253_149_824, None, 0.0637, 2),
    ("preact-resnet164",  bottleneck, 4,  18,  1_703_258,   247_646_720, 1.7,  0.0546, 4),
    ("preact-resnet1001", bottleneck, 4, 111, 10_327_706, 1_490_995_712, 10.2, 0.0492, 4),
)
# fmt: on

for name, unit, expansion, n, params, macs, millions, error, table in CIFAR:
    printed = Printed(millions * 1e6, 0.13e6, "Table 4") if millions else None
    errors = Errors(error, None, f"CIFAR-10 test, Table {table}")
    published = Published(params, macs, 32, classes=10, printed_params=printed, errors=errors)
    register(name, paper=PAPER, unit=unit, expansion=expansion, n=n, published=published)(
        CifarPreActResNet
    )


def stem(channels: int) -> nn.Sequential:
    """conv1 with its own activation."""
    return nn.Sequential(conv(channels, 64, 7, 2), bn_relu(64))


def stem_timm(channels: int) -> nn.Sequential:
    """conv1 alone."""
    return nn.Sequential(conv(channels, 64, 7, 2))


class PreActResNet(nn.Module):
    """The ImageNet nets: a 7 x 7 stem and four stages of bottleneck units.

    Args:
        depths: units in each stage.
        conv1: makes the first layer.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def __init__(
        self,
        depths: tuple[int, ...],
        conv1: Callable[[int], nn.Module] = stem,
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        d2, d3, d4, d5 = depths
        self.features = stages(
            conv1=conv1(channels),  # 64 x 112 x 112
            pool1=nn.MaxPool2d(3, 2, padding=1),  # 64 x 56 x 56
            conv2_x=stage(bottleneck, 64, 256, d2, 1),  # 256 x 56 x 56
            conv3_x=stage(bottleneck, 256, 512, d3, 2),  # 512 x 28 x 28
            conv4_x=stage(bottleneck, 512, 1024, d4, 2),  # 1024 x 14 x 14
            conv5_x=stage(bottleneck, 1024, 2048, d5, 2),  # 2048 x 7 x 7
            act=bn_relu(2048),  # 2048 x 7 x 7
        )
        self.head = average_head(2048, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


D200 = (3, 24, 36, 3)

# Parameters, multiply-accumulates, top-1 and top-5 error.
# fmt: off
IMAGENET: tuple[tuple[str, tuple[int, ...], Callable[[int], nn.Module], int, int,
                      float | None, float | None], ...] = (
    ("preact-resnet50",      D50,  stem,      25_549_480,  4_089_184_256, None,  None),
    ("preact-resnet101",     D101, stem,      44_541_608,  7_801_405_440, None,  None),
    ("preact-resnet152",     D152, stem,      60_185_256, 11_513_626_624, 0.211, 0.055),
    ("preact-resnet200",     D200, stem,      64_666_280, 15_007_481_856, 0.207, 0.053),
    ("preact-resnet50-timm", D50,  stem_timm, 25_549_352,  4_089_184_256, None,  None),
)
# fmt: on

for name, depths, conv1, params, macs, top1, top5 in IMAGENET:
    where = "ILSVRC-2012 val, one crop of 320, Table 5"
    published = Published(params, macs, errors=Errors(top1, top5, where) if top1 else None)
    register(name, paper=PAPER, depths=depths, conv1=conv1, published=published)(PreActResNet)
