"""Wide ResNet: Zagoruyko, Komodakis, "Wide Residual Networks", BMVC 2016, arXiv:1605.07146.

Differences from the paper: none for CIFAR. `wide-resnet50-2` is its WRN-50-2-bottleneck, ResNet-50
with inner convolutions twice as wide, and its stride in the first 1 x 1 as in the ResNet paper;
`-tv` has it in the 3 x 3, as torchvision's weights do. The paper has no net of 101 layers:
`wide-resnet101-2` is torchvision's name. `wide-resnet68-2` stands for a member of the winner of
ILSVRC 2016, see `canon.models.trimps`.
"""

from functools import partial

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.preactivation import basic, bn_relu, conv
from canon.layers.residual import stage
from canon.models.resnet import D50, D101, ResNet, bottleneck, bottleneck_tv
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Zagoruyko, Komodakis",
    title="Wide Residual Networks",
    venue="BMVC",
    year=2016,
    identifier="arXiv:1605.07146",
)


def _c10(params: int, macs: int, millions: float | None, error: float, table: int = 4) -> Published:
    printed = Printed(millions * 1e6, 0.051e6, "Table 4") if millions else None
    errors = Errors(error, None, f"CIFAR-10 test, Table {table}")
    return Published(params, macs, image=32, classes=10, printed_params=printed, errors=errors)


# Table 4: depth and widening factor. Table 5: mean and deviation in place of whitened images.
_40_1, _40_2 = _c10(563_930, 83_280_512, 0.6, 0.0685), _c10(2_243_546, 327_599_360, 2.2, 0.0533)
_40_4 = _c10(8_949_210, 1_298_582_016, 8.9, 0.0453, 5)
_40_8 = _c10(35_748_314, 5_172_024_320, 35.7, 0.0466)
_28_10, _28_12 = (
    _c10(36_479_194, 5_243_328_768, 36.5, 0.0400, 5),
    _c10(52_517_850, 7_543_905_792, 52.5, 0.0433),
)
_22_8 = _c10(17_158_106, 2_454_115_328, 17.2, 0.0438)
_22_10 = _c10(26_797_914, 3_827_751_168, 26.8, 0.0444)
_16_8 = _c10(10_961_370, 1_548_145_664, 11.0, 0.0427, 5)
_16_10 = _c10(17_116_634, 2_412_173_568, 17.1, 0.0456)
_28_10D = _c10(36_479_194, 5_243_328_768, 36.5, 0.0389, 6)
_16_4 = _c10(2_748_890, 392_612_352, None, 0.0502, 6)
_16_4D = _c10(2_748_890, 392_612_352, None, 0.0524, 6)
_52_1 = _c10(758_362, 111_592_064, None, 0.0643, 6)
_52_1D = _c10(758_362, 111_592_064, None, 0.0628, 6)


@register("wrn-40-1", paper=PAPER, depth=40, k=1, published=_40_1)
@register("wrn-40-2", paper=PAPER, depth=40, k=2, published=_40_2)
@register("wrn-40-4", paper=PAPER, depth=40, k=4, published=_40_4)
@register("wrn-40-8", paper=PAPER, depth=40, k=8, published=_40_8)
@register("wrn-28-10", paper=PAPER, depth=28, k=10, published=_28_10)
@register("wrn-28-12", paper=PAPER, depth=28, k=12, published=_28_12)
@register("wrn-22-8", paper=PAPER, depth=22, k=8, published=_22_8)
@register("wrn-22-10", paper=PAPER, depth=22, k=10, published=_22_10)
@register("wrn-16-8", paper=PAPER, depth=16, k=8, published=_16_8)
@register("wrn-16-10", paper=PAPER, depth=16, k=10, published=_16_10)
@register("wrn-16-4", paper=PAPER, depth=16, k=4, published=_16_4)
@register("wrn-52-1", paper=PAPER, depth=52, k=1, published=_52_1)
@register("wrn-28-10-dropout", paper=PAPER, depth=28, k=10, dropout=0.3, published=_28_10D)
@register("wrn-16-4-dropout", paper=PAPER, depth=16, k=4, dropout=0.3, published=_16_4D)
@register("wrn-52-1-dropout", paper=PAPER, depth=52, k=1, dropout=0.3, published=_52_1D)
class WideResNet(nn.Module):
    """Table 1: pre-activation units of two 3 x 3 convolutions, k times as wide as a ResNet's.

    Args:
        depth: layers, 6n + 4.
        k: widening factor.
        dropout: between the convolutions of a unit (section 2.4).
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 32, 32) -> (N, K); any square from 5 pixels.
    """

    def __init__(
        self,
        depth: int,
        k: int,
        dropout: float = 0.0,
        classes: int = 10,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        n, unit = (depth - 4) // 6, partial(basic, dropout=dropout)
        self.features = stages(
            conv1=conv(channels, 16, 3),  # 16 x 32 x 32
            conv2=stage(unit, 16, 16 * k, n, 1),  # 160 x 32 x 32
            conv3=stage(unit, 16 * k, 32 * k, n, 2),  # 320 x 16 x 16
            conv4=stage(unit, 32 * k, 64 * k, n, 2),  # 640 x 8 x 8
            act=bn_relu(64 * k),  # 640 x 8 x 8
        )
        self.head = average_head(64 * k, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


wide, wide_tv = partial(bottleneck, widen=2), partial(bottleneck_tv, widen=2)

_W50 = Published(
    68_883_240, 10_935_599_104, printed_params=Printed(68.9e6, 0.05e6, "Table 8"),
    errors=Errors(0.219, 0.0603, "ILSVRC-2012 val, one crop, Table 8"),
)  # fmt: skip
_W101 = Published(126_886_696, 22_290_628_608)
_W50TV, _W101TV = Published(68_883_240, 11_398_021_120), Published(126_886_696, 22_753_050_624)


@register("wide-resnet50-2", paper=PAPER, block=wide, depths=D50, published=_W50)
@register("wide-resnet101-2", paper=PAPER, block=wide, depths=D101, published=_W101)
@register("wide-resnet50-2-tv", paper=PAPER, block=wide_tv, depths=D50, published=_W50TV)
@register("wide-resnet101-2-tv", paper=PAPER, block=wide_tv, depths=D101, published=_W101TV)
class WideBottleneckResNet(ResNet):
    """Section 3.4: ResNet with bottlenecks whose inner convolutions are twice as wide.

    Takes what ResNet takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """
