"""ResNet: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
arXiv:1512.03385.

Differences from the paper: none. A plain name has projections where dimensions change (option B,
Table 3); `-a` pads with zeros instead, `-c` projects everywhere. The stride of a bottleneck is in
its first 1 x 1 convolution, as in the paper; `-tv` has it in the 3 x 3, which is the function that
torchvision's weights compute. `plain` nets are the same without shortcuts. The nets with 6n + 2
layers are those of section 4.2, for 32 x 32 images, with option A.
"""  # noqa: D205

from collections.abc import Callable

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.residual import (
    Block,
    Make,
    Shortcut,
    conv_bn,
    option_a,
    option_b,
    option_c,
    plain,
    stage,
)
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="He, Zhang, Ren, Sun",
    title="Deep Residual Learning for Image Recognition",
    venue="CVPR",
    year=2016,
    identifier="arXiv:1512.03385",
)


def basic(c_in: int, width: int, stride: int, shortcut: Shortcut) -> tuple[Block, int]:
    """Figure 5, left: two 3 x 3 convolutions. Returns the block and its output channels."""
    branch = nn.Sequential(conv_bn(c_in, width, 3, stride), nn.ReLU(), conv_bn(width, width, 3, 1))
    return Block(branch, shortcut(c_in, width, stride)), width


def bottleneck(
    c_in: int, width: int, stride: int, shortcut: Shortcut, widen: int = 1
) -> tuple[Block, int]:
    """Figure 5, right: 1 x 1 with the stride, 3 x 3, and 1 x 1 to four times the width."""
    return _bottleneck(c_in, 4 * width, widen * width, (stride, 1), shortcut)


def bottleneck_tv(
    c_in: int, width: int, stride: int, shortcut: Shortcut, widen: int = 1
) -> tuple[Block, int]:
    """The bottleneck with its stride in the 3 x 3 convolution."""
    return _bottleneck(c_in, 4 * width, widen * width, (1, stride), shortcut)


def _bottleneck(
    c_in: int, c_out: int, inner: int, strides: tuple[int, int], shortcut: Shortcut
) -> tuple[Block, int]:
    branch = nn.Sequential(
        conv_bn(c_in, inner, 1, strides[0]),
        nn.ReLU(),
        conv_bn(inner, inner, 3, strides[1]),
        nn.ReLU(),
        conv_bn(inner, c_out, 1, 1),
    )
    return Block(branch, shortcut(c_in, c_out, max(strides))), c_out


MakeBlock = Callable[[int, int, int, Shortcut], tuple[Block, int]]


def _joined(block: MakeBlock, shortcut: Shortcut) -> Make:
    """The block with its shortcut chosen."""
    return lambda c_in, width, stride: block(c_in, width, stride, shortcut)


def _stem(channels: int) -> tuple[nn.Module, int]:
    return nn.Sequential(conv_bn(channels, 64, 7, 2), nn.ReLU()), 64


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, 2, padding=1)


def _table1(
    params: int, macs: int, billions: float | None = None, errors: Errors | None = None
) -> Published:
    # 3.858 is printed as 3.8, 3.644 as 3.6: cut off rather than rounded.
    printed = Printed(billions * 1e9, 0.1e9, "Table 1") if billions else None
    return Published(params, macs, printed_macs=printed, errors=errors)


def _ten_crop(top1: float, top5: float | None, table: int) -> Errors:
    return Errors(top1, top5, f"ILSVRC-2012 val, ten crops, Table {table}")


D18, D34, D101, D152 = (2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)
D50 = D34

_P18 = _table1(11_515_688, 1_794_805_760, 1.8, _ten_crop(0.2794, None, 2))
_P34 = _table1(21_623_848, 3_644_493_824, 3.6, _ten_crop(0.2854, 0.1002, 2))
_R18A = _table1(11_515_688, 1_794_805_760, 1.8, _ten_crop(0.2788, None, 2))
_R18B = _table1(11_689_512, 1_814_073_344, 1.8)
_R18C = _table1(12_043_816, 1_878_298_624)
_R34A = _table1(21_623_848, 3_644_493_824, 3.6, _ten_crop(0.2503, 0.0776, 3))
_R34B = _table1(21_797_672, 3_663_761_408, 3.6, _ten_crop(0.2452, 0.0746, 3))
_R34C = _table1(22_716_840, 3_830_747_136, None, _ten_crop(0.2419, 0.0740, 3))
_R50 = _table1(25_557_032, 3_857_973_248, 3.8, _ten_crop(0.2285, 0.0671, 3))
_R101 = _table1(44_549_160, 7_570_194_432, 7.6, _ten_crop(0.2175, 0.0605, 3))
_R152 = _table1(60_192_808, 11_282_415_616, 11.3, _ten_crop(0.2143, 0.0571, 3))
_R50TV = _table1(25_557_032, 4_089_184_256)
_R101TV = _table1(44_549_160, 7_801_405_440)
_R152TV = _table1(60_192_808, 11_513_626_624)


@register("plain18", paper=PAPER, block=basic, depths=D18, shortcut=plain, published=_P18)
@register("plain34", paper=PAPER, block=basic, depths=D34, shortcut=plain, published=_P34)
@register("resnet18-a", paper=PAPER, block=basic, depths=D18, shortcut=option_a, published=_R18A)
@register("resnet18", paper=PAPER, block=basic, depths=D18, published=_R18B)
@register("resnet18-c", paper=PAPER, block=basic, depths=D18, shortcut=option_c, published=_R18C)
@register("resnet34-a", paper=PAPER, block=basic, depths=D34, shortcut=option_a, published=_R34A)
@register("resnet34", paper=PAPER, block=basic, depths=D34, published=_R34B)
@register("resnet34-c", paper=PAPER, block=basic, depths=D34, shortcut=option_c, published=_R34C)
@register("resnet50", paper=PAPER, block=bottleneck, depths=D50, published=_R50)
@register("resnet101", paper=PAPER, block=bottleneck, depths=D101, published=_R101)
@register("resnet152", paper=PAPER, block=bottleneck, depths=D152, published=_R152)
@register("resnet50-tv", paper=PAPER, block=bottleneck_tv, depths=D50, published=_R50TV)
@register("resnet101-tv", paper=PAPER, block=bottleneck_tv, depths=D101, published=_R101TV)
@register("resnet152-tv", paper=PAPER, block=bottleneck_tv, depths=D152, published=_R152TV)
class ResNet(nn.Module):
    """Table 1: a 7 x 7 stem and four stages of blocks, averaged and classified.

    Args:
        block: makes a block and tells its output channels.
        depths: blocks in each stage.
        shortcut: makes the shortcut of a block.
        stem: makes the first layer and tells its channels.
        pool: makes the pooling after it.
        dropout: before the classifier; a ResNet has none.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def __init__(
        self,
        block: MakeBlock,
        depths: tuple[int, ...],
        shortcut: Shortcut = option_b,
        stem: Callable[[int], tuple[nn.Module, int]] = _stem,
        pool: Callable[[], nn.Module] = _pool,
        dropout: float = 0.0,
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        d2, d3, d4, d5 = depths
        conv1, width = stem(channels)
        make = _joined(block, shortcut)
        expansion = block(64, 64, 1, plain)[1] // 64
        self.features = stages(
            conv1=conv1,  # 64 x 112 x 112
            pool1=pool(),  # 64 x 56 x 56
            conv2_x=stage(make, width, 64, d2, 1),  # 256 x 56 x 56
            conv3_x=stage(make, 64 * expansion, 128, d3, 2),  # 512 x 28 x 28
            conv4_x=stage(make, 128 * expansion, 256, d4, 2),  # 1024 x 14 x 14
            conv5_x=stage(make, 256 * expansion, 512, d5, 2),  # 2048 x 7 x 7
        )
        self.head = average_head(512 * expansion, classes, dropout)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _c10(
    params: int, macs: int, millions: float | None = None, error: float | None = None
) -> Published:
    printed = Printed(millions * 1e6, 0.05e6, "Table 6") if millions else None
    errors = Errors(error, None, "CIFAR-10 test, Table 6") if error else None
    return Published(params, macs, image=32, classes=10, printed_params=printed, errors=errors)


@register("plain20", paper=PAPER, n=3, shortcut=plain, published=_c10(269_722, 40_551_040))
@register("plain32", paper=PAPER, n=5, shortcut=plain, published=_c10(464_154, 68_862_592))
@register("plain44", paper=PAPER, n=7, shortcut=plain, published=_c10(658_586, 97_174_144))
@register("plain56", paper=PAPER, n=9, shortcut=plain, published=_c10(853_018, 125_485_696))
@register("plain110", paper=PAPER, n=18, shortcut=plain, published=_c10(1_727_962, 252_887_680))
@register("resnet20", paper=PAPER, n=3, published=_c10(269_722, 40_551_040, 0.27, 0.0875))
@register("resnet32", paper=PAPER, n=5, published=_c10(464_154, 68_862_592, 0.46, 0.0751))
@register("resnet44", paper=PAPER, n=7, published=_c10(658_586, 97_174_144, 0.66, 0.0717))
@register("resnet56", paper=PAPER, n=9, published=_c10(853_018, 125_485_696, 0.85, 0.0697))
@register("resnet110", paper=PAPER, n=18, published=_c10(1_727_962, 252_887_680, 1.7, 0.0643))
@register("resnet1202", paper=PAPER, n=200, published=_c10(19_421_274, 2_829_238_912, 19.4, 0.0793))
class CifarResNet(nn.Module):
    """Section 4.2: 6n + 2 layers, three stages of n two-layer blocks with 16, 32 and 64 filters.

    Args:
        n: blocks in each stage.
        shortcut: makes the shortcut of a block.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights.

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
        make = _joined(basic, shortcut)
        self.features = stages(
            conv1=nn.Sequential(conv_bn(channels, 16, 3, 1), nn.ReLU()),  # 16 x 32 x 32
            stage1=stage(make, 16, 16, n, 1),  # 16 x 32 x 32
            stage2=stage(make, 16, 32, n, 2),  # 32 x 16 x 16
            stage3=stage(make, 32, 64, n, 2),  # 64 x 8 x 8
        )
        self.head = average_head(64, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))
