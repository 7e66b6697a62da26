"""SENet: Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018, arXiv:1709.01507.

Differences from the paper: none. As in the weights its authors released, both layers of a gate have
biases, the first pooling is not padded and rounds up, and the stride of a bottleneck is in its
first 1 x 1, in ResNeXt and SENet-154 in the 3 x 3. The gate stands at the end of a residual branch,
after a whole inception module, and after each rectifier of VGG. `-rN` has reduction ratio N in
place of 16 (Table 10 of the journal form, whose parameters lie up to 0.1 million beside those that
follow). `-timm` is what timm's weights compute: a rectifier before the gate of a basic block.
ResNeXt's grouped bottleneck (Xie et al., CVPR 2017, arXiv:1611.05431) is here as far as it is
needed.
"""

from functools import partial

from torch import Tensor, nn

from canon.layers import stages
from canon.layers.residual import Block, Shortcut, conv_bn, option_b
from canon.models import resnet
from canon.models.bn_inception import RELEASED, BNInception
from canon.models.resnet import D18, D34, D50, D101, D152, MakeBlock, ResNet
from canon.models.vgg import BN, VGG, D
from canon.registry import Errors, Paper, Printed, Published, register

PAPER = Paper(
    authors="Hu, Shen, Sun",
    title="Squeeze-and-Excitation Networks",
    venue="CVPR",
    year=2018,
    identifier="arXiv:1709.01507",
)


class SqueezeExcite(nn.Module):
    """x s(x): every channel scaled by a gate that sees the mean of all channels (section 3).

    Args:
        channels: of the input.
        reduction: how many times narrower the middle of the gate is.

    Shape: (N, C, H, W) -> (N, C, H, W)
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.gate = stages(
            squeeze=nn.AdaptiveAvgPool2d(1),
            fc1=nn.Conv2d(channels, channels // reduction, 1),
            relu=nn.ReLU(),
            fc2=nn.Conv2d(channels // reduction, channels, 1),
            sigmoid=nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


def gated(
    c_in: int, width: int, stride: int, shortcut: Shortcut, *, block: MakeBlock, reduction: int = 16
) -> tuple[Block, int]:
    """A residual block whose branch ends in a gate."""
    made, c_out = block(c_in, width, stride, shortcut)
    made.branch.append(SqueezeExcite(c_out, reduction))  # type: ignore[operator]
    return made, c_out


def grouped(
    c_in: int,
    width: int,
    stride: int,
    shortcut: Shortcut,
    *,
    groups: int,
    widths: tuple[int, int],
) -> tuple[Block, int]:
    """A bottleneck with a grouped 3 x 3: `widths` are those of its two inner convolutions."""
    w1, w2 = widths[0] * width, widths[1] * width
    three = nn.Conv2d(w1, w2, 3, stride, padding=1, groups=groups, bias=False)
    branch = nn.Sequential(
        conv_bn(c_in, w1, 1, 1), nn.ReLU(), nn.Sequential(three, nn.BatchNorm2d(w2)), nn.ReLU(),
        conv_bn(w2, 4 * width, 1, 1),
    )  # fmt: skip
    return Block(branch, shortcut(c_in, 4 * width, stride)), 4 * width


def _rectified(c_in: int, width: int, stride: int, shortcut: Shortcut) -> tuple[Block, int]:
    """A basic block with a rectifier before its gate, as timm has it."""
    made, c_out = resnet.basic(c_in, width, stride, shortcut)
    made.branch.append(nn.ReLU())  # type: ignore[operator]
    return made, c_out


basic_timm = partial(gated, block=_rectified)
basic, bottleneck = partial(gated, block=resnet.basic), partial(gated, block=resnet.bottleneck)
resnext = partial(gated, block=partial(grouped, groups=32, widths=(2, 2)))
senet = partial(gated, block=partial(grouped, groups=64, widths=(2, 4)))


def _caffe_pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def _three_threes(channels: int) -> tuple[nn.Sequential, int]:
    """SENet-154's stem: three 3 x 3 convolutions for the 7 x 7 one."""
    convs = conv_bn(channels, 64, 3, 2), conv_bn(64, 64, 3, 1), conv_bn(64, 128, 3, 1)
    return nn.Sequential(*(part for conv in convs for part in (conv, nn.ReLU()))), 128


def _wide_shortcut(c_in: int, c_out: int, stride: int) -> nn.Module:
    """SENet-154's projections are 3 x 3, but where the size stays."""
    return conv_bn(c_in, c_out, 3, stride) if stride > 1 else option_b(c_in, c_out, stride)


def _table2(
    params: int, macs: int, billions: float | None = None, errors: tuple[float, float] | None = None
) -> Published:
    # The paper's own baselines lie above the exact counts, by 0.02 billion for ResNet-152.
    printed = Printed(billions * 1e9, 0.035e9, "Table 2") if billions else None
    told = Errors(*errors, "ILSVRC-2012 val, one crop, Table 2") if errors else None
    return Published(params, macs, printed_macs=printed, errors=told)


def _table10(params: int, macs: int, millions: float, top1: float, top5: float) -> Published:
    errors = Errors(top1, top5, "ILSVRC-2012 val, one crop, Table 10")
    printed = Printed(millions * 1e6, 0.1e6, "Table 10")
    return Published(params, macs, printed_params=printed, errors=errors)


_18, _34 = _table2(11_778_592, 1_814_160_384), _table2(21_958_868, 3_663_918_592)
_50 = _table2(28_088_024, 3_860_488_192, 3.87, (0.2329, 0.0662))
_101 = _table2(49_326_872, 7_574_937_600, 7.60, (0.2238, 0.0607))
_152 = _table2(66_821_848, 11_288_993_792, 11.32, (0.2157, 0.0573))
_X50 = _table2(27_559_896, 4_232_994_816, 4.25, (0.2110, 0.0549))
_X101 = _table2(48_955_416, 7_974_739_968, 8.00, (0.2070, 0.0501))
_154 = Published(
    115_088_984, 20_688_363_520, errors=Errors(0.1868, 0.0447, "ILSVRC-2012 val, one crop of 224")
)
_R2 = _table10(45_699_240, 3_878_092_800, 45.7, 0.2229, 0.0600)
_R4 = _table10(35_635_688, 3_868_033_024, 35.7, 0.2225, 0.0609)
_R8 = _table10(30_603_912, 3_863_003_136, 30.7, 0.2226, 0.0599)
_R32 = _table10(26_830_080, 3_859_230_720, 26.9, 0.2272, 0.0620)


def _ratio(reduction: int) -> MakeBlock:
    return partial(bottleneck, reduction=reduction)


_register = partial(register, paper=PAPER, pool=_caffe_pool)


@_register("se-resnet18", block=basic, depths=D18, published=_18)
@_register("se-resnet34", block=basic, depths=D34, published=_34)
@_register("se-resnet18-timm", block=basic_timm, depths=D18, published=_18)
@_register("se-resnet34-timm", block=basic_timm, depths=D34, published=_34)
@_register("se-resnet50", block=bottleneck, depths=D50, published=_50)
@_register("se-resnet101", block=bottleneck, depths=D101, published=_101)
@_register("se-resnet152", block=bottleneck, depths=D152, published=_152)
@_register("se-resnet50-r2", block=_ratio(2), depths=D50, published=_R2)
@_register("se-resnet50-r4", block=_ratio(4), depths=D50, published=_R4)
@_register("se-resnet50-r8", block=_ratio(8), depths=D50, published=_R8)
@_register("se-resnet50-r32", block=_ratio(32), depths=D50, published=_R32)
@_register("se-resnext50-32x4d", block=resnext, depths=D50, published=_X50)
@_register("se-resnext101-32x4d", block=resnext, depths=D101, published=_X101)
@_register(
    "senet154", block=senet, depths=D152, shortcut=_wide_shortcut, stem=_three_threes,
    dropout=0.2, published=_154,
)  # fmt: skip
class SEResNet(ResNet):
    """ResNet, ResNeXt and SENet-154 with a gate at the end of each residual branch.

    Takes what ResNet takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 35 pixels.
    """


_VGG = Published(138_596_784, 15_470_490_624, printed_macs=Printed(15.48e9, 0.01e9, "Table 2"),
                 errors=Errors(0.2522, 0.0770, "ILSVRC-2012 val, one crop, Table 2"))  # fmt: skip
_INCEPTION = _table2(11_941_638, 2_033_239_424, 2.04, (0.2423, 0.0714))


@register("se-vgg16-bn", paper=PAPER, depths=D, norm=BN, after=SqueezeExcite, published=_VGG)
class SEVGG(VGG):
    """VGG-16 with batch normalisation and a gate after each rectifier.

    Takes what VGG takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 32 pixels when built with `image`.
    """


@register("se-bn-inception", paper=PAPER, parts=RELEASED, after=SqueezeExcite, published=_INCEPTION)
class SEBNInception(BNInception):
    """The Caffe BN-Inception with a gate after each module.

    Takes what BNInception takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """
