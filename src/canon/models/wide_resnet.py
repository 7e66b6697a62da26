"""Wide ResNet: Zagoruyko, Komodakis, BMVC 2016; see PAPER.

Differences from the paper: none for CIFAR. `wide-resnet50-2` is its WRN-50-2-bottleneck, ResNet-50
with inner convolutions twice as wide. The paper does not say where its bottlenecks have their
stride; here it is in the 3 x 3, as in the authors' listing of the very network (pretrained/README
of wide-residual-networks) and in torchvision's weights. The paper has no net of 101 layers:
`wide-resnet101-2` is torchvision's name. `wide-resnet68-2` represents a member of the winner of
ILSVRC 2016, see `canon.models.trimps`. The errors of Table 4 are of whitened images (ZCA), those
of Tables 5 and 6 of images normalised by mean and standard deviation.
"""

from functools import partial

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.preactivation import basic, bn_relu, conv, stage
from canon.models.resnet import D50, D101, BottleneckTV, ResNet
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Zagoruyko, Komodakis",
    title="Wide Residual Networks",
    venue="BMVC",
    year=2016,
    identifier="arXiv:1605.07146",
)


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


# Depth, widening factor, dropout, parameters, multiply-accumulates, the millions of parameters that
# Table 4 prints, the error on CIFAR-10, and the number of the table with it.
# fmt: off
CIFAR: tuple[tuple[str, int, int, float, int, int, float | None, float, int], ...] = (
    ("wrn-40-1",          40,  1, 0.0,    563_930,    83_280_512,  0.6, 0.0685, 4),
    ("wrn-40-2",          40,  2, 0.0,  2_243_546,   327_599_360,  2.2, 0.0533, 4),
    ("wrn-40-4",          40,  4, 0.0,  8_949_210, 1_298_582_016,  8.9, 0.0453, 5),
    ("wrn-40-8",          40,  8, 0.0, 35_748_314, 5_172_024_320, 35.7, 0.0466, 4),
    ("wrn-28-10",         28, 10, 0.0, 36_479_194, 5_243_328_768, 36.5, 0.0400, 5),
    ("wrn-28-12",         28, 12, 0.0, 52_517_850, 7_543_905_792, 52.5, 0.0433, 4),
    ("wrn-22-8",          22,  8, 0.0, 17_158_106, 2_454_115_328, 17.2, 0.0438, 4),
    ("wrn-22-10",         22, 10, 0.0, 26_797_914, 3_827_751_168, 26.8, 0.0444, 4),
    ("wrn-16-8",          16,  8, 0.0, 10_961_370, 1_548_145_664, 11.0, 0.0427, 5),
    ("wrn-16-10",         16, 10, 0.0, 17_116_634, 2_412_173_568, 17.1, 0.0456, 4),
    ("wrn-16-4",          16,  4, 0.0,  2_748_890,   392_612_352, None, 0.0502, 6),
    ("wrn-52-1",          52,  1, 0.0,    758_362,   111_592_064, None, 0.0643, 6),
    ("wrn-28-10-dropout", 28, 10, 0.3, 36_479_194, 5_243_328_768, None, 0.0389, 6),
    ("wrn-16-4-dropout",  16,  4, 0.3,  2_748_890,   392_612_352, None, 0.0524, 6),
    ("wrn-52-1-dropout",  52,  1, 0.3,    758_362,   111_592_064, None, 0.0628, 6),
)
# fmt: on

for name, depth, k, dropout, params, macs, millions, error, table in CIFAR:
    printed = Printed(millions * 1e6, 0.05e6, "Table 4") if millions else None
    whitened = " (images whitened)" if table == 4 else ""
    errors = Errors(error, None, f"CIFAR-10 test{whitened}, Table {table}")
    published = Published(
        params, macs, 32, classes=10, layers=depth, printed_params=printed, errors=errors
    )
    register(name, paper=PAPER, depth=depth, k=k, dropout=dropout, published=published)(WideResNet)


class WideBottleneck(BottleneckTV):
    """Section 3.4: the inner convolutions are twice as wide; the stride is in the 3 x 3."""

    def residual(self, c_in: int, width: int, c_out: int, stride: int) -> nn.Sequential:
        return super().residual(c_in, 2 * width, c_out, stride)


@register(
    "wide-resnet101-2", paper=PAPER, block=WideBottleneck, depths=D101,
    published=Published(126_886_696, 22_753_050_624, layers=101),
)  # fmt: skip
@register(
    "wide-resnet50-2", paper=PAPER, block=WideBottleneck, depths=D50,
    published=Published(
        68_883_240, 11_398_021_120, layers=50, printed_params=Printed(68.9e6, 0.05e6, "Table 8"),
        errors=Errors(0.219, 0.0603, "ILSVRC-2012 val, one crop, Table 8"),
    ),
)  # fmt: skip
class WideBottleneckResNet(ResNet):
    """Section 3.4: ResNet with wide bottlenecks.

    Takes what ResNet takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """
