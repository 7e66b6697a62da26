"""VGG A to E: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015, arXiv:1409.1556.

Differences from the paper: weights start by the procedure of Glorot and Bengio, which the paper
names as the one that needs no pre-trained net A (section 3.1); N(0, 0.01) does not train the deep
columns. The `-bn` forms put batch normalisation after each convolution; the paper has none.
"""  # noqa: D205

from collections.abc import Callable

from torch import nn

from canon.layers import LocalResponseNorm, init, stages
from canon.layers.conv_arithmetic import side_after
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Simonyan, Zisserman",
    title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
    venue="ICLR",
    year=2015,
    identifier="arXiv:1409.1556",
)

BN = nn.BatchNorm2d
Norm = Callable[[int], nn.Module]


def _published(
    params: int, macs: int, millions: int | None = None, errors: Errors | None = None
) -> Published:
    printed = Printed(millions * 1e6, 0.5e6, "Table 2") if millions else None
    return Published(params=params, macs=macs, printed_params=printed, errors=errors)


VAL = "ILSVRC-2012 val, one scale (S = Q = 256), Table 3"

# Columns of Table 1: convolutions in each of the five stages.
A, B, D, E = (1, 1, 2, 2, 2), (2, 2, 2, 2, 2), (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)
_A = _published(132_863_336, 7_609_090_048, 133, Errors(0.296, 0.104, VAL))
_A_LRN = _published(132_863_336, 7_609_090_048, 133, Errors(0.297, 0.105, VAL))
_B = _published(133_047_848, 11_308_466_176, 133, Errors(0.287, 0.099, VAL))
_C = _published(133_638_952, 11_770_888_192, 134, Errors(0.281, 0.094, VAL))
_D = _published(138_357_544, 15_470_264_320, 138, Errors(0.270, 0.088, VAL))
_E = _published(143_667_240, 19_632_062_464, 144, Errors(0.273, 0.090, VAL))
_A_BN = _published(132_868_840, 7_609_090_048)
_B_BN = _published(133_053_736, 11_308_466_176)
_C_BN = _published(133_647_400, 11_770_888_192)
_D_BN = _published(138_365_992, 15_470_264_320)
_E_BN = _published(143_678_248, 19_632_062_464)


def _nothing(_: int) -> nn.Module:
    return nn.Identity()


def _lrn(_: int) -> nn.Module:
    return LocalResponseNorm()


@register("vgg11", paper=PAPER, depths=A, published=_A)
@register("vgg11-lrn", paper=PAPER, depths=A, after_conv1=_lrn, published=_A_LRN)
@register("vgg13", paper=PAPER, depths=B, published=_B)
@register("vgg16-c", paper=PAPER, depths=D, third_kernel=1, published=_C)
@register("vgg16", paper=PAPER, depths=D, published=_D)
@register("vgg19", paper=PAPER, depths=E, published=_E)
@register("vgg11-bn", paper=PAPER, depths=A, norm=BN, published=_A_BN)
@register("vgg13-bn", paper=PAPER, depths=B, norm=BN, published=_B_BN)
@register("vgg16-c-bn", paper=PAPER, depths=D, third_kernel=1, norm=BN, published=_C_BN)
@register("vgg16-bn", paper=PAPER, depths=D, norm=BN, published=_D_BN)
@register("vgg19-bn", paper=PAPER, depths=E, norm=BN, published=_E_BN)
class VGG(nn.Module):
    """Five stages of 3 x 3 convolutions, each ended by 2 x 2 pooling, and three linear layers.

    Args:
        depths: convolutions in each stage.
        third_kernel: kernel of the third convolution of a stage; 1 in column C.
        norm: what follows each convolution.
        after: what follows each rectifier.
        after_conv1: what follows the first one; normalisation in column A-LRN.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 32 pixels when built with `image`.
    """

    def __init__(
        self,
        depths: tuple[int, ...],
        third_kernel: int = 3,
        norm: Norm = _nothing,
        after: Norm = _nothing,
        after_conv1: Norm = _nothing,
        classes: int = 1000,
        channels: int = 3,
        image: int = 224,
        seed: int = 0,
    ) -> None:
        super().__init__()
        d1, d2, d3, d4, d5 = depths
        parts = norm, after
        self.features = stages(
            stage1=stage(channels, 64, d1, 3, *parts, after_conv1),  # 64 x 112 x 112
            stage2=stage(64, 128, d2, 3, *parts),  # 128 x 56 x 56
            stage3=stage(128, 256, d3, third_kernel, *parts),  # 256 x 28 x 28
            stage4=stage(256, 512, d4, third_kernel, *parts),  # 512 x 14 x 14
            stage5=stage(512, 512, d5, third_kernel, *parts),  # 512 x 7 x 7
        )
        inputs = 512 * side_after(image, *[(2, 2)] * 5) ** 2
        self.head = stages(
            flatten=nn.Flatten(),
            fc6=nn.Sequential(nn.Linear(inputs, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc7=nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc8=nn.Linear(4096, classes),
        )
        init.glorot(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def stage(
    c_in: int,
    c_out: int,
    depth: int,
    third_kernel: int = 3,
    norm: Norm = _nothing,
    after: Norm = _nothing,
    after_conv1: Norm = _nothing,
) -> nn.Sequential:
    """Convolutions with rectifiers, the first of them from `c_in` channels, and a pooling."""
    layers: list[nn.Module] = []
    for i in range(depth):
        kernel = third_kernel if i == 2 else 3
        conv = nn.Conv2d(c_in if i == 0 else c_out, c_out, kernel, padding=kernel // 2)
        first = after_conv1(c_out) if i == 0 else nn.Identity()
        layers += [conv, norm(c_out), nn.ReLU(), after(c_out), first]
    layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*(part for part in layers if not isinstance(part, nn.Identity)))
