"""ResNet: He et al., CVPR 2016; see PAPER.

Differences from the paper: none. The paper does not say how the first pooling treats the border: it
is padded here, as in fb.resnet.torch; the authors' Caffe nets do not pad and round up. A plain name
has projections where dimensions change (option B, Table 3); `-a` pads with zeros instead, `-c`
projects in every block. The stride of a bottleneck is in its first 1 x 1 convolution, as in the
paper; `-tv` has it in the 3 x 3, which is the function that torchvision's weights compute. `plain`
nets are the same without shortcuts. The nets with 6n + 2 layers are those of section 4.2, for 32 x
32 images, with option A.
"""

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.residual import (
    Block,
    Shortcut,
    conv_bn,
    option_a,
    option_b,
    option_c,
    plain,
    stage,
)
from canon.registry import Errors, Paper, Printed, Published, number_in, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="He, Zhang, Ren, Sun",
    title="Deep Residual Learning for Image Recognition",
    venue="CVPR",
    year=2016,
    identifier="arXiv:1512.03385",
)


class Basic(Block):
    """Figure 5, left: two 3 x 3 convolutions."""

    def residual(self, c_in: int, width: int, c_out: int, stride: int) -> nn.Sequential:
        return nn.Sequential(conv_bn(c_in, width, 3, stride), nn.ReLU(), conv_bn(width, c_out, 3))


class Bottleneck(Block):
    """Figure 5, right: 1 x 1 with the stride, 3 x 3, and 1 x 1 to four times the width."""

    expansion, strided = 4, 1  # the kernel with the stride

    def residual(self, c_in: int, width: int, c_out: int, stride: int) -> nn.Sequential:
        s1, s3 = (stride, 1) if self.strided == 1 else (1, stride)
        reduce, conv = conv_bn(c_in, width, 1, s1), conv_bn(width, width, 3, s3)
        return nn.Sequential(reduce, nn.ReLU(), conv, nn.ReLU(), conv_bn(width, c_out, 1))


class BottleneckTV(Bottleneck):
    """The bottleneck with its stride in the 3 x 3 convolution."""

    strided = 3


class ResNet(nn.Module):
    """Table 1: a 7 x 7 stem and four stages of blocks, averaged and classified.

    Args:
        block: the kind of block.
        depths: blocks in each stage.
        shortcut: makes the shortcut of a block.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def __init__(
        self,
        block: type[Block],
        depths: tuple[int, ...],
        shortcut: Shortcut = option_b,
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        (d2, d3, d4, d5), e = depths, block.expansion
        self.features = stages(
            conv1=nn.Sequential(conv_bn(channels, 64, 7, 2), nn.ReLU()),  # 64 x 112 x 112
            pool1=nn.MaxPool2d(3, 2, padding=1),  # 64 x 56 x 56
            conv2_x=stage(block, 64, 64, d2, 1, shortcut),  # 256 x 56 x 56
            conv3_x=stage(block, 64 * e, 128, d3, 2, shortcut),  # 512 x 28 x 28
            conv4_x=stage(block, 128 * e, 256, d4, 2, shortcut),  # 1024 x 14 x 14
            conv5_x=stage(block, 256 * e, 512, d5, 2, shortcut),  # 2048 x 7 x 7
        )
        self.head = average_head(512 * e, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


D18, D34, D101, D152 = (2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)
D50 = D34

Row = tuple[
    str, type[Block], tuple[int, ...], Shortcut, int, int, float | None,
    float | None, float | None, int | None,
]  # fmt: skip

# Table 1: parameters and multiply-accumulates, and the billions of these that the paper prints;
# top-1 and top-5 error on ILSVRC-2012 val with ten crops, and the number of the table with them.
# fmt: off
TABLE1: tuple[Row, ...] = (
    ("plain18",    Basic, D18, plain,    11_515_688, 1_794_805_760, 1.8,  0.2794, None,   2),
    ("plain34",    Basic, D34, plain,    21_623_848, 3_644_493_824, 3.6,  0.2854, 0.1002, 3),
    ("resnet18-a", Basic, D18, option_a, 11_515_688, 1_794_805_760, 1.8,  0.2788, None,   2),
    ("resnet18",   Basic, D18, option_b, 11_689_512, 1_814_073_344, 1.8,  None,   None,   None),
    ("resnet18-c", Basic, D18, option_c, 12_043_816, 1_878_298_624, None, None,   None,   None),
    ("resnet34-a", Basic, D34, option_a, 21_623_848, 3_644_493_824, 3.6,  0.2503, 0.0776, 3),
    ("resnet34",   Basic, D34, option_b, 21_797_672, 3_663_761_408, 3.6,  0.2452, 0.0746, 3),
    ("resnet34-c", Basic, D34, option_c, 22_716_840, 3_830_747_136, None, 0.2419, 0.0740, 3),
    ("resnet50",  Bottleneck, D50,  option_b, 25_557_032,  3_857_973_248,  3.8, 0.2285, 0.0671, 3),
    ("resnet101", Bottleneck, D101, option_b, 44_549_160,  7_570_194_432,  7.6, 0.2175, 0.0605, 3),
    ("resnet152", Bottleneck, D152, option_b, 60_192_808, 11_282_415_616, 11.3, 0.2143, 0.0571, 3),
)
# fmt: on

for name, block, depths, shortcut, params, macs, billions, top1, top5, table in TABLE1:
    # 3.858 is printed as 3.8, 3.644 as 3.6: cut off rather than rounded.
    printed = Printed(billions * 1e9, 0.1e9, "Table 1") if billions else None
    errors = Errors(top1, top5, f"ILSVRC-2012 val, ten crops, Table {table}") if top1 else None
    published = Published(params, macs, layers=number_in(name), printed_macs=printed, errors=errors)
    register(name, paper=PAPER, block=block, depths=depths, shortcut=shortcut, published=published)(
        ResNet
    )

# fmt: off
TORCHVISION = (
    ("resnet50-tv",  D50,  25_557_032,  4_089_184_256),
    ("resnet101-tv", D101, 44_549_160,  7_801_405_440),
    ("resnet152-tv", D152, 60_192_808, 11_513_626_624),
)
# fmt: on

for name, depths, params, macs in TORCHVISION:
    published = Published(params, macs, layers=number_in(name))
    register(name, paper=PAPER, block=BottleneckTV, depths=depths, published=published)(ResNet)


class CifarResNet(nn.Module):
    """Section 4.2: 6n + 2 layers, three stages of n two-layer blocks with 16, 32 and 64 filters.

    Args:
        n: blocks in each stage.
        shortcut: makes the shortcut of a block.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 32, 32) -> (N, K); any square from 5 pixels.
    """

    def __init__(
        self,
        n: int,
        shortcut: Shortcut = option_a,
        classes: int = 10,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.features = stages(
            conv1=nn.Sequential(conv_bn(channels, 16, 3), nn.ReLU()),  # 16 x 32 x 32
            stage1=stage(Basic, 16, 16, n, 1, shortcut),  # 16 x 32 x 32
            stage2=stage(Basic, 16, 32, n, 2, shortcut),  # 32 x 16 x 16
            stage3=stage(Basic, 32, 64, n, 2, shortcut),  # 64 x 8 x 8
        )
        self.head = average_head(64, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


# Table 6: parameters, multiply-accumulates, the millions of parameters that the paper prints, and
# the error on CIFAR-10.
# fmt: off
TABLE6: tuple[tuple[str, int, Shortcut, int, int, float | None, float | None], ...] = (
    ("plain20",      3, plain,       269_722,    40_551_040, None, None),
    ("plain32",      5, plain,       464_154,    68_862_592, None, None),
    ("plain44",      7, plain,       658_586,    97_174_144, None, None),
    ("plain56",      9, plain,       853_018,   125_485_696, None, None),
    ("plain110",    18, plain,     1_727_962,   252_887_680, None, None),
    ("resnet20",     3, option_a,    269_722,    40_551_040, 0.27, 0.0875),
    ("resnet32",     5, option_a,    464_154,    68_862_592, 0.46, 0.0751),
    ("resnet44",     7, option_a,    658_586,    97_174_144, 0.66, 0.0717),
    ("resnet56",     9, option_a,    853_018,   125_485_696, 0.85, 0.0697),
    ("resnet110",   18, option_a,  1_727_962,   252_887_680, 1.7,  0.0643),
    ("resnet1202", 200, option_a, 19_421_274, 2_829_238_912, 19.4, 0.0793),
)
# fmt: on

for name, n, shortcut, params, macs, millions, error in TABLE6:
    last_digit = 0.005e6 if millions and millions < 1 else 0.05e6
    printed = Printed(millions * 1e6, last_digit, "Table 6") if millions else None
    errors = Errors(error, None, "CIFAR-10 test, Table 6") if error else None
    published = Published(
        params, macs, 32, classes=10, layers=number_in(name), printed_params=printed, errors=errors
    )
    register(name, paper=PAPER, published=published, n=n, shortcut=shortcut)(CifarResNet)
