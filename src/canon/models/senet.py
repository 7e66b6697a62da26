"""SENet: Hu, Shen, Sun, CVPR 2018; see PAPER.

Differences from the paper: none. As in the weights its authors released, both layers of a gate have
biases, the first pooling is not padded and rounds up, and the stride of a bottleneck is in its
first 1 x 1, in ResNeXt and SENet-154 in the 3 x 3. The gate is at the end of a residual branch.
`-rN` has reduction ratio N in place of 16 and no biases in its gates (section 6 and Table 10 of the
journal form, whose parameters differ by up to 0.12 million from those that follow). `se-resnet18`
and 34 are in no paper. `-timm` is the function that timm's weights compute: a rectifier before the
gate of a basic block. The paper's VGG and BN-Inception are in `senet_bases.py`.
"""

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.residual import Block, Grouped, Shortcut, conv_bn, option_b, stage
from canon.layers.squeeze_excite import SqueezeExcite
from canon.models.resnet import D18, D34, D50, D101, D152, Basic, Bottleneck
from canon.registry import Errors, Paper, Printed, Published, number_in, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Hu, Shen, Sun",
    title="Squeeze-and-Excitation Networks",
    venue="CVPR",
    year=2018,
    identifier="arXiv:1709.01507",
)


class Gated(Block):
    """A residual block whose branch ends in a gate; to be mixed in before the block."""

    reduction, bias = 16, True

    def residual(self, c_in: int, width: int, c_out: int, stride: int) -> nn.Sequential:
        branch = super().residual(c_in, width, c_out, stride)
        return branch.append(SqueezeExcite(c_out, self.reduction, self.bias))


class SEBasic(Gated, Basic):
    """Two 3 x 3 convolutions and a gate."""


class SEBasicTimm(SEBasic):
    """The same with a rectifier before the gate."""

    def residual(self, c_in: int, width: int, c_out: int, stride: int) -> nn.Sequential:
        return super().residual(c_in, width, c_out, stride).insert(3, nn.ReLU())


class SEBottleneck(Gated, Bottleneck):
    """Figure 3, right: a bottleneck and a gate."""


class _Unbiased(SEBottleneck):
    bias = False


class _R2(_Unbiased):
    reduction = 2


class _R4(_Unbiased):
    reduction = 4


class _R8(_Unbiased):
    reduction = 8


class _R32(_Unbiased):
    reduction = 32


class SEResNeXt(Gated, Grouped):
    """A bottleneck with 32 groups and a gate."""


class SEBlock154(Gated, Grouped):
    """The block of SENet-154: 64 groups, and half as many channels before them."""

    groups, inner = 64, (2, 4)


class SEResNet(nn.Module):
    """ResNet and ResNeXt with a gate at the end of each residual branch.

    Args:
        block: the kind of block.
        depths: blocks in each stage.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 35 pixels.
    """

    def __init__(
        self,
        block: type[Block],
        depths: tuple[int, ...],
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        conv1 = nn.Sequential(conv_bn(channels, 64, 7, 2), nn.ReLU())
        self.features = _features(conv1, 64, block, depths, option_b)
        self.head = average_head(512 * block.expansion, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


# Parameters and multiply-accumulates, the billions of these that Table 2 prints, and top-1 and
# top-5 error on ILSVRC-2012 val with one crop. The paper's own baselines lie above the exact
# counts, by 0.02 billion for ResNet-152.
# fmt: off
TABLE2: tuple[tuple[str, type[Block], tuple[int, ...], int, int, float | None, float | None,
                    float | None], ...] = (
    ("se-resnet18",         SEBasic,      D18,  11_778_592,  1_814_160_384,  None,   None,   None),
    ("se-resnet34",         SEBasic,      D34,  21_958_868,  3_663_918_592,  None,   None,   None),
    ("se-resnet18-timm",    SEBasicTimm,  D18,  11_778_592,  1_814_160_384,  None,   None,   None),
    ("se-resnet34-timm",    SEBasicTimm,  D34,  21_958_868,  3_663_918_592,  None,   None,   None),
    ("se-resnet50",         SEBottleneck, D50,  28_088_024,  3_860_488_192,  3.87, 0.2329, 0.0662),
    ("se-resnet101",        SEBottleneck, D101, 49_326_872,  7_574_937_600,  7.60, 0.2238, 0.0607),
    ("se-resnet152",        SEBottleneck, D152, 66_821_848, 11_288_993_792, 11.32, 0.2157, 0.0573),
    ("se-resnext50-32x4d",  SEResNeXt,    D50,  27_559_896,  4_232_994_816,  4.25, 0.2110, 0.0549),
    ("se-resnext101-32x4d", SEResNeXt,    D101, 48_955_416,  7_974_739_968,  8.00, 0.2070, 0.0501),
)
# fmt: on

for name, block, depths, params, macs, billions, top1, top5 in TABLE2:
    printed = Printed(billions * 1e9, 0.035e9, "Table 2") if billions else None
    errors = Errors(top1, top5, "ILSVRC-2012 val, one crop, Table 2") if top1 else None
    published = Published(params, macs, layers=number_in(name), printed_macs=printed, errors=errors)
    register(name, paper=PAPER, block=block, depths=depths, published=published)(SEResNet)

# Parameters and multiply-accumulates, the millions of the former that Table 10 prints, and errors.
# fmt: off
TABLE10 = (
    ("se-resnet50-r2",  _R2,  45_676_584, 3_878_092_800, 45.7, 0.2229, 0.0600),
    ("se-resnet50-r4",  _R4,  35_616_808, 3_868_033_024, 35.7, 0.2225, 0.0609),
    ("se-resnet50-r8",  _R8,  30_586_920, 3_863_003_136, 30.7, 0.2226, 0.0599),
    ("se-resnet50-r32", _R32, 26_814_504, 3_859_230_720, 26.9, 0.2272, 0.0620),
)
# fmt: on

for name, block, params, macs, millions, top1, top5 in TABLE10:
    printed = Printed(millions * 1e6, 0.12e6, "Table 10")
    errors = Errors(top1, top5, "ILSVRC-2012 val, one crop, Table 10")
    published = Published(
        params, macs, layers=number_in(name), printed_params=printed, errors=errors
    )
    register(name, paper=PAPER, block=block, depths=D50, published=published)(SEResNet)


@register(
    "senet154", paper=PAPER,
    published=Published(115_088_984, 20_688_363_520, layers=154,
                        errors=Errors(0.1868, 0.0447, "ILSVRC-2012 val, one crop of 224, Table 8")),
)  # fmt: skip
class SENet154(nn.Module):
    """SENet-154: ResNeXt-152 with 64 groups, three 3 x 3 convolutions for the 7 x 7, and dropout.

    Args:
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 35 pixels.
    """

    def __init__(self, classes: int = 1000, channels: int = 3, seed: int = 0) -> None:
        super().__init__()
        convs = conv_bn(channels, 64, 3, 2), conv_bn(64, 64, 3), conv_bn(64, 128, 3)
        conv1 = nn.Sequential(*(part for conv in convs for part in (conv, nn.ReLU())))
        self.features = _features(conv1, 128, SEBlock154, D152, _shortcut154)
        self.head = average_head(2048, classes, dropout=0.2)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _shortcut154(c_in: int, c_out: int, stride: int) -> nn.Module:
    """3 x 3 projections where the size changes."""
    return conv_bn(c_in, c_out, 3, stride) if stride > 1 else option_b(c_in, c_out, stride)


def _features(
    conv1: nn.Module, c_in: int, block: type[Block], depths: tuple[int, ...], shortcut: Shortcut
) -> nn.Sequential:
    """The stages of a ResNet, after a pooling that is not padded and rounds up."""
    (d2, d3, d4, d5), e = depths, block.expansion
    return stages(
        conv1=conv1,  # 64 x 112 x 112
        pool1=nn.MaxPool2d(3, 2, ceil_mode=True),  # 64 x 56 x 56
        conv2_x=stage(block, c_in, 64, d2, 1, shortcut),  # 256 x 56 x 56
        conv3_x=stage(block, 64 * e, 128, d3, 2, shortcut),  # 512 x 28 x 28
        conv4_x=stage(block, 128 * e, 256, d4, 2, shortcut),  # 1024 x 14 x 14
        conv5_x=stage(block, 256 * e, 512, d5, 2, shortcut),  # 2048 x 7 x 7
    )
