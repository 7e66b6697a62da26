"""VGG A to E: Simonyan, Zisserman, ICLR 2015; see PAPER.

Differences from the paper: weights start by the procedure of Glorot and Bengio, which the paper
names as the one that needs no pre-trained net A (section 3.1); its other start, normal with a
variance of 0.01, does not train the deep columns. The `-bn` forms put batch normalisation after
each convolution; the paper has none.
"""

from collections.abc import Callable

from torch import nn

from canon.layers import LocalResponseNorm, init, stages
from canon.layers.conv_arithmetic import side_after
from canon.layers.inception import conv_relu
from canon.registry import Errors, Paper, Printed, Published, number_in, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Simonyan, Zisserman",
    title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
    venue="ICLR",
    year=2015,
    identifier="arXiv:1409.1556",
)

Conv = Callable[[int, int, int], nn.Sequential]  # of input channels, output channels and kernel
Column = tuple[tuple[int, ...], ...]


def conv_lrn(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    """Column A-LRN: a convolution, its rectifier, and local response normalisation."""
    return conv_relu(c_in, c_out, kernel).append(LocalResponseNorm())


def conv_bn(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    """A convolution, batch normalisation, and a rectifier."""
    return conv_relu(c_in, c_out, kernel).insert(1, nn.BatchNorm2d(c_out))


def stage(c_in: int, c_out: int, kernels: tuple[int, ...], conv: Conv) -> nn.Sequential:
    """Convolutions with these kernels, and a 2 x 2 pooling."""
    widths = [c_in] + [c_out] * (len(kernels) - 1)
    layers = [conv(c, c_out, kernel) for c, kernel in zip(widths, kernels, strict=True)]
    return nn.Sequential(*(part for layer in layers for part in layer), nn.MaxPool2d(2, 2))


class VGG(nn.Module):
    """Five stages of 3 x 3 convolutions, each ended by 2 x 2 pooling, and three linear layers.

    Args:
        column: of Table 1: the kernels of each stage.
        conv: makes a convolution and what follows it.
        conv1: the same for the first stage; None means `conv`.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights (Glorot).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 32 pixels when built with `image`.
    """

    start = staticmethod(init.glorot)

    def __init__(
        self,
        column: Column,
        conv: Conv = conv_relu,
        conv1: Conv | None = None,
        classes: int = 1000,
        channels: int = 3,
        image: int = 224,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image = image
        k1, k2, k3, k4, k5 = column
        self.features = stages(
            stage1=stage(channels, 64, k1, conv1 or conv),  # 64 x 112 x 112
            stage2=stage(64, 128, k2, conv),  # 128 x 56 x 56
            stage3=stage(128, 256, k3, conv),  # 256 x 28 x 28
            stage4=stage(256, 512, k4, conv),  # 512 x 14 x 14
            stage5=stage(512, 512, k5, conv),  # 512 x 7 x 7
        )
        inputs = 512 * side_after(image, *[(2, 2)] * 5) ** 2
        self.head = stages(
            flatten=nn.Flatten(),
            fc6=nn.Sequential(nn.Linear(inputs, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc7=nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc8=nn.Linear(4096, classes),
        )
        self.start(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


# Columns of Table 1.
# fmt: off
A = ((3,),   (3,),   (3, 3),       (3, 3),       (3, 3))
B = ((3, 3), (3, 3), (3, 3),       (3, 3),       (3, 3))
C = ((3, 3), (3, 3), (3, 3, 1),    (3, 3, 1),    (3, 3, 1))
D = ((3, 3), (3, 3), (3, 3, 3),    (3, 3, 3),    (3, 3, 3))
E = ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))

# Parameters, multiply-accumulates, the millions of parameters that Table 2 prints, and top-1 and
# top-5 error on ILSVRC-2012 val as their recipe tests: C, D and E at three scales (Table 4).
TABLE1: tuple[tuple[str, Column, Conv, Conv, int, int, int | None, float | None, float | None],
              ...] = (
    ("vgg11",      A, conv_relu, conv_relu, 132_863_336,  7_609_090_048,  133, 0.296, 0.104),
    ("vgg11-lrn",  A, conv_relu, conv_lrn,  132_863_336,  7_609_090_048,  133, 0.297, 0.105),
    ("vgg13",      B, conv_relu, conv_relu, 133_047_848, 11_308_466_176,  133, 0.282, 0.096),
    ("vgg16-c",    C, conv_relu, conv_relu, 133_638_952, 11_770_888_192,  134, 0.263, 0.082),
    ("vgg16",      D, conv_relu, conv_relu, 138_357_544, 15_470_264_320,  138, 0.248, 0.075),
    ("vgg19",      E, conv_relu, conv_relu, 143_667_240, 19_632_062_464,  144, 0.248, 0.075),
    ("vgg11-bn",   A, conv_bn,   conv_bn,   132_868_840,  7_609_090_048, None,  None,  None),
    ("vgg13-bn",   B, conv_bn,   conv_bn,   133_053_736, 11_308_466_176, None,  None,  None),
    ("vgg16-c-bn", C, conv_bn,   conv_bn,   133_647_400, 11_770_888_192, None,  None,  None),
    ("vgg16-bn",   D, conv_bn,   conv_bn,   138_365_992, 15_470_264_320, None,  None,  None),
    ("vgg19-bn",   E, conv_bn,   conv_bn,   143_678_248, 19_632_062_464, None,  None,  None),
)
# fmt: on

for name, column, conv, conv1, params, macs, millions, top1, top5 in TABLE1:
    tested = "at 256, Table 3" if column is A else "at three scales, Table 4"
    where = f"ILSVRC-2012 val, dense {tested}"
    errors = Errors(top1, top5, where) if top1 else None
    printed = Printed(millions * 1e6, 0.5e6, "Table 2") if millions else None
    published = Published(
        params, macs, layers=number_in(name), printed_params=printed, errors=errors
    )
    register(name, paper=PAPER, column=column, conv=conv, conv1=conv1, published=published)(VGG)
