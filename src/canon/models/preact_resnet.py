"""Pre-activation ResNet: He et al., ECCV 2016; see PAPER.

Differences from the paper: it gives no table of layers; its appendix follows the first ResNet
paper.
The nets for 32 x 32 images have basic units (110) or bottlenecks (164 and 1001) with the stride in
the first 1 x 1, as in the authors' resnet-pre-act.lua. Those for ImageNet have the first paper's
depths, plus 3, 24, 36, 3 blocks for 200 layers, and the stride in the 3 x 3, as in preresnet.lua of
fb.resnet.torch, to which the authors refer for ResNet-200; the network whose errors Table 5 prints
was trained with unpublished Caffe code. Where dimensions change the shortcut of a bottleneck is a
1 x 1 convolution of the activated input, as in both files, and that of the net of 110 layers is
padded with zeros, as in the first paper. Weights start by the fan-out of each layer, as in both
files.
The first activation follows conv1, before the paths split (appendix): for ImageNet it precedes the
pooling, and the first unit has none. Of 1001 layers the paper prints 10.2 million parameters, which
are 10,178,490 without scales and shifts of normalisation. `-timm` is the function that timm's
`resnetv2` weights compute: conv1 without normalisation, and a first unit that activates.
"""

from functools import partial

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.preactivation import (
    MakeUnit,
    bn_relu,
    bottleneck,
    conv,
    first_stage,
    padded,
    stage,
)
from canon.models.resnet import D50, D101, D152
from canon.registry import Errors, Paper, Printed, Published, number_in, register
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
        seed: of the initial weights (He, by the fan-out).

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
            conv1=nn.Sequential(conv(channels, 16, 3), bn_relu(16)),  # 16 x 32 x 32
            stage1=first_stage(stage(unit, 16, w1, n, 1)),  # 64 x 32 x 32
            stage2=stage(unit, w1, w2, n, 2),  # 128 x 16 x 16
            stage3=stage(unit, w2, w3, n, 2),  # 256 x 8 x 8
            act=bn_relu(w3),  # 256 x 8 x 8
        )
        self.head = average_head(w3, classes)
        init.he(self, seed, init.fan_out)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


# Parameters, multiply-accumulates, the millions of parameters that Table 4 prints, without those of
# normalisation; the error on CIFAR-10 with batches of 128, and the number of the table with it.
# fmt: off
CIFAR: tuple[tuple[str, MakeUnit, int, int, int, int, float | None, float, int], ...] = (
    ("preact-resnet110",  padded,     1,  18,  1_727_962,   252_887_680, None, 0.0637, 2),
    ("preact-resnet164",  bottleneck, 4,  18,  1_703_258,   244_500_992, 1.7,  0.0546, 4),
    ("preact-resnet1001", bottleneck, 4, 111, 10_327_706, 1_487_849_984, 10.2, 0.0492, 4),
)
# fmt: on

for name, unit, expansion, n, params, macs, millions, error, table in CIFAR:
    printed = Printed(millions * 1e6, 0.05e6, "Table 4", norms=False) if millions else None
    errors = Errors(error, None, f"CIFAR-10 test, Table {table}")
    published = Published(
        params, macs, 32, classes=10, layers=number_in(name), printed_params=printed, errors=errors
    )
    register(name, paper=PAPER, unit=unit, expansion=expansion, n=n, published=published)(
        CifarPreActResNet
    )


bottleneck_3x3 = partial(bottleneck, strided=3)


class PreActResNet(nn.Module):
    """The ImageNet nets: a 7 x 7 stem and four stages of bottleneck units.

    Args:
        depths: units in each stage.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He, by the fan-out).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def __init__(
        self, depths: tuple[int, ...], classes: int = 1000, channels: int = 3, seed: int = 0
    ) -> None:
        super().__init__()
        d2, d3, d4, d5 = depths
        self.features = stages(
            conv1=self.stem(channels),  # 64 x 112 x 112
            pool1=nn.MaxPool2d(3, 2, padding=1),  # 64 x 56 x 56
            conv2_x=self.first(stage(bottleneck_3x3, 64, 256, d2, 1)),  # 256 x 56 x 56
            conv3_x=stage(bottleneck_3x3, 256, 512, d3, 2),  # 512 x 28 x 28
            conv4_x=stage(bottleneck_3x3, 512, 1024, d4, 2),  # 1024 x 14 x 14
            conv5_x=stage(bottleneck_3x3, 1024, 2048, d5, 2),  # 2048 x 7 x 7
            act=bn_relu(2048),  # 2048 x 7 x 7
        )
        self.head = average_head(2048, classes)
        init.he(self, seed, init.fan_out)

    def stem(self, channels: int) -> nn.Sequential:
        """conv1 and the first activation."""
        return nn.Sequential(conv(channels, 64, 7, 2), bn_relu(64))

    def first(self, units: nn.Sequential) -> nn.Sequential:
        """The stage after the stem."""
        return first_stage(units)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


class PreActResNetTimm(PreActResNet):
    """timm's form: conv1 alone, and a first unit that activates.

    Takes what PreActResNet takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def stem(self, channels: int) -> nn.Sequential:
        """conv1 alone."""
        return nn.Sequential(conv(channels, 64, 7, 2))

    def first(self, units: nn.Sequential) -> nn.Sequential:
        """The stage as it is."""
        return units


D200 = (3, 24, 36, 3)

# Parameters, multiply-accumulates, top-1 and top-5 error of one crop of 320 pixels.
# fmt: off
IMAGENET: tuple[tuple[str, tuple[int, ...], int, int, float | None, float | None], ...] = (
    ("preact-resnet50",  D50,  25_549_352,  4_089_184_256, None,  None),
    ("preact-resnet101", D101, 44_541_480,  7_801_405_440, None,  None),
    ("preact-resnet152", D152, 60_185_128, 11_513_626_624, 0.211, 0.055),
    ("preact-resnet200", D200, 64_666_152, 15_007_481_856, 0.207, 0.053),
)
# fmt: on

for name, depths, params, macs, top1, top5 in IMAGENET:
    where = "ILSVRC-2012 val, one crop of 320, Table 5"
    published = Published(
        params, macs, layers=number_in(name), errors=Errors(top1, top5, where) if top1 else None
    )
    register(name, paper=PAPER, depths=depths, published=published)(PreActResNet)

register(
    "preact-resnet50-timm",
    paper=PAPER,
    depths=D50,
    published=Published(25_549_352, 4_089_184_256, layers=50),
)(PreActResNetTimm)
