"""Pre-activation ResNet: He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks", ECCV
2016, arXiv:1603.05027.

Differences from the paper: it gives no table of layers. The nets for 32 x 32 images are those of
the first ResNet paper with pre-activation units (110 with basic ones, 164 and 1001 with
bottlenecks), those for ImageNet have its depths, plus 3, 24, 36, 3 blocks for 200 layers. Where
dimensions change the shortcut is a 1 x 1 convolution of the activated input, the stride of a
bottleneck is in its 3 x 3. For ImageNet conv1 has its own normalisation and rectifier before the
pooling, and the first unit activates what is pooled again before it splits; the appendix asks for
the first activation "right after conv1" and leaves the pooling out of its account. `-timm` is what
timm's `resnetv2` weights compute: conv1 without normalisation.
"""  # noqa: D205

from collections.abc import Callable

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.preactivation import MakeUnit, basic, bn_relu, bottleneck, conv
from canon.layers.residual import stage
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


def _c10(params: int, macs: int, millions: float | None, error: float, table: int = 4) -> Published:
    printed = Printed(millions * 1e6, 0.13e6, "Table 4") if millions else None
    errors = Errors(error, None, f"CIFAR-10 test, Table {table}")
    return Published(params, macs, image=32, classes=10, printed_params=printed, errors=errors)


_C110, _C164 = (
    _c10(1_730_522, 253_149_824, None, 0.0637, 2),
    _c10(1_703_258, 247_646_720, 1.7, 0.0546),
)
_C1001 = _c10(10_327_706, 1_490_995_712, 10.2, 0.0492)


@register("preact-resnet110", paper=PAPER, unit=basic, n=18, published=_C110)
@register("preact-resnet164", paper=PAPER, unit=bottleneck, n=18, published=_C164)
@register("preact-resnet1001", paper=PAPER, unit=bottleneck, n=111, published=_C1001)
class CifarPreActResNet(nn.Module):
    """Three stages of n units with 16, 32 and 64 filters, four times as many after bottlenecks.

    Args:
        unit: makes a unit and tells its output channels.
        n: units in each stage.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 32, 32) -> (N, K); any square from 5 pixels.
    """

    def __init__(
        self, unit: MakeUnit, n: int, classes: int = 10, channels: int = 3, seed: int = 0
    ) -> None:
        super().__init__()
        expansion = unit(1, 1, 1)[1]
        self.features = stages(
            conv1=conv(channels, 16, 3),  # 16 x 32 x 32
            stage1=stage(unit, 16, 16, n, 1),  # 64 x 32 x 32
            stage2=stage(unit, 16 * expansion, 32, n, 2),  # 128 x 16 x 16
            stage3=stage(unit, 32 * expansion, 64, n, 2),  # 256 x 8 x 8
            act=bn_relu(64 * expansion),  # 256 x 8 x 8
        )
        self.head = average_head(64 * expansion, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _stem(channels: int) -> nn.Sequential:
    return nn.Sequential(conv(channels, 64, 7, 2), bn_relu(64))


def _stem_timm(channels: int) -> nn.Sequential:
    return nn.Sequential(conv(channels, 64, 7, 2))


D200 = (3, 24, 36, 3)
_VAL = "ILSVRC-2012 val, one crop of 320, Table 5"
_P50 = Published(25_549_480, 4_089_184_256)
_P101 = Published(44_541_608, 7_801_405_440)
_P152 = Published(60_185_256, 11_513_626_624, errors=Errors(0.211, 0.055, _VAL))
_P200 = Published(64_666_280, 15_007_481_856, errors=Errors(0.207, 0.053, _VAL))
_T50 = Published(25_549_352, 4_089_184_256)


@register("preact-resnet50", paper=PAPER, depths=D50, published=_P50)
@register("preact-resnet101", paper=PAPER, depths=D101, published=_P101)
@register("preact-resnet152", paper=PAPER, depths=D152, published=_P152)
@register("preact-resnet200", paper=PAPER, depths=D200, published=_P200)
@register("preact-resnet50-timm", paper=PAPER, depths=D50, stem=_stem_timm, published=_T50)
class PreActResNet(nn.Module):
    """The ImageNet nets: a 7 x 7 stem and four stages of bottleneck units.

    Args:
        depths: units in each stage.
        stem: makes conv1.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def __init__(
        self,
        depths: tuple[int, int, int, int],
        stem: Callable[[int], nn.Module] = _stem,
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        d2, d3, d4, d5 = depths
        self.features = stages(
            conv1=stem(channels),  # 64 x 112 x 112
            pool1=nn.MaxPool2d(3, 2, padding=1),  # 64 x 56 x 56
            conv2_x=stage(bottleneck, 64, 64, d2, 1),  # 256 x 56 x 56
            conv3_x=stage(bottleneck, 256, 128, d3, 2),  # 512 x 28 x 28
            conv4_x=stage(bottleneck, 512, 256, d4, 2),  # 1024 x 14 x 14
            conv5_x=stage(bottleneck, 1024, 512, d5, 2),  # 2048 x 7 x 7
            act=bn_relu(2048),  # 2048 x 7 x 7
        )
        self.head = average_head(2048, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))
