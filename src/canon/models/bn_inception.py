"""BN-Inception: Ioffe, Szegedy, ICML 2015; see PAPER.

Differences from the paper: Figure 5 contradicts itself in 4c and 4d, whose "avg + 128" gives 608
maps where it prints 576. Here 96 maps are projected, as 576 require and as the authors' code does
(slim's inception_v2.py); with 128 the net would have 11,278,528 parameters. Its first convolution
is separable with depth multiplier 8. The text counts 13.6 million parameters; the figure's filters
come to 11.2. Averages leave out the padding, as in that code. `bn-inception-caffe` is the network
that became known under the name: a plain first convolution, 128 projected maps in 4c and 4d, biases
that normalisation cancels, an epsilon of 1e-5, averages that count the padding, poolings that round
up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.inception import (
    BN_EPS,
    Concat,
    Kernel,
    MakeConv,
    chain,
    conv_bn_relu,
    conv_relu,
)
from canon.layers.separable import SeparableConv
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Ioffe, Szegedy",
    title="Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate "
    "Shift",
    venue="ICML",
    year=2015,
    identifier="arXiv:1502.03167",
)


def _first(channels: int) -> nn.Sequential:
    conv = SeparableConv(channels, 64, 7, 2, multiplier=8)
    return nn.Sequential(conv, nn.BatchNorm2d(64, eps=BN_EPS), nn.ReLU())


def _halve() -> nn.Module:
    return nn.MaxPool2d(3, 2, padding=1)


def _conv_caffe(c_in: int, c_out: int, kernel: Kernel, *window: int) -> nn.Sequential:
    return conv_relu(c_in, c_out, kernel, *window).insert(1, nn.BatchNorm2d(c_out))


def _first_caffe(channels: int) -> nn.Sequential:
    return _conv_caffe(channels, 64, 7, 2)


def _halve_caffe() -> nn.Sequential:
    """Rounds up as Caffe does, of an odd side too, where its convolutions do not."""
    return nn.Sequential(nn.ConstantPad2d((0, 2, 0, 2), float("-inf")), nn.MaxPool2d(3, 2))


@dataclass(frozen=True)
class Parts:
    """The parts of the figure's network or the Caffe network, and their modules.

    Args:
        first: makes the first layer, given the channels of the input.
        conv: makes a convolution with normalisation and rectifier.
        halve: makes a pooling with stride 2.
        average: makes the average in a module.
        proj4: projected maps of 4c and 4d.
        after: makes a layer after each module, given its channels; None means no layer.
    """

    first: Callable[[int], nn.Module]
    conv: MakeConv
    halve: Callable[[], nn.Module]
    average: Callable[[], nn.Module]
    proj4: int
    after: Callable[[int], nn.Module] | None = None

    def mix(
        self,
        c_in: int,
        filters: tuple[int, ...],
        pool: nn.Module | None = None,
    ) -> nn.Module:
        """#1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3, pool proj, as in Figure 5."""
        n1, r3, n3, rd, nd, proj = filters
        module = Concat(
            b1=self.conv(c_in, n1, 1),
            b3=chain(c_in, (r3, 1), (n3, 3), conv=self.conv),
            deep=chain(c_in, (rd, 1), (nd, 3), (nd, 3), conv=self.conv),
            pool=nn.Sequential(pool or self.average(), self.conv(c_in, proj, 1)),
        )
        return self._followed(module, n1 + n3 + nd + proj)

    def half(self, c_in: int, filters: tuple[int, ...]) -> nn.Module:
        """#3x3 reduce, #3x3, double #3x3 reduce, double #3x3, at stride 2, and a pooling."""
        r3, n3, rd, nd = filters
        module = Concat(
            b3=chain(c_in, (r3, 1), (n3, 3, 2, 1), conv=self.conv),
            deep=chain(c_in, (rd, 1), (nd, 3), (nd, 3, 2, 1), conv=self.conv),
            pool=self.halve(),
        )
        return self._followed(module, n3 + nd + c_in)

    def _followed(self, module: Concat, c_out: int) -> nn.Module:
        return nn.Sequential(module, self.after(c_out)) if self.after else module


PRINTED = Parts(
    _first, conv_bn_relu, _halve, partial(nn.AvgPool2d, 3, 1, 1, count_include_pad=False), proj4=96
)
CAFFE = Parts(_first_caffe, _conv_caffe, _halve_caffe, partial(nn.AvgPool2d, 3, 1, 1), proj4=128)


@register(
    "bn-inception", paper=PAPER,
    published=Published(
        11_188_288, 1_934_857_216,
        errors=Errors(0.252, 0.0782, "ILSVRC-2012 val, one crop, BN-x30, Figure 4"),
    ),
)  # fmt: skip
@register(
    "bn-inception-caffe", paper=PAPER, parts=CAFFE,
    published=Published(
        11_295_240, 2_032_600_064, printed_macs=Printed(2.03e9, 0.005e9, "SENet, Table 2"),
        errors=Errors(0.2538, 0.0789, "ILSVRC-2012 val, one crop, SENet, Table 2"),
    ),
)  # fmt: skip
class BNInception(nn.Module):
    """Ten inception modules with two 3 x 3 convolutions for each 5 x 5, normalised everywhere.

    Args:
        parts: those of the figure's network or of the Caffe network.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He; the paper names none).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def __init__(
        self, parts: Parts = PRINTED, classes: int = 1000, channels: int = 3, seed: int = 0
    ) -> None:
        super().__init__()
        mix, half, p, max5 = parts.mix, parts.half, parts.proj4, nn.MaxPool2d(3, 1, 1)
        self.features = stages(
            conv1=parts.first(channels),  # 64 x 112 x 112
            pool1=parts.halve(),  # 64 x 56 x 56
            conv2=chain(64, (64, 1), (192, 3), conv=parts.conv),  # 192 x 56 x 56
            pool2=parts.halve(),  # 192 x 28 x 28
            inception3a=mix(192, (64, 64, 64, 64, 96, 32)),  # 256 x 28 x 28
            inception3b=mix(256, (64, 64, 96, 64, 96, 64)),  # 320 x 28 x 28
            inception3c=half(320, (128, 160, 64, 96)),  # 576 x 14 x 14
            inception4a=mix(576, (224, 64, 96, 96, 128, 128)),  # 576 x 14 x 14
            inception4b=mix(576, (192, 96, 128, 96, 128, 128)),  # 576 x 14 x 14
            inception4c=mix(576, (160, 128, 160, 128, 160, p)),  # 576 x 14 x 14
            inception4d=mix(480 + p, (96, 128, 192, 160, 192, p)),  # 576 x 14 x 14
            inception4e=half(480 + p, (128, 192, 192, 256)),  # 1024 x 7 x 7
            inception5a=mix(928 + p, (352, 192, 320, 160, 224, 128)),  # 1024 x 7 x 7
            inception5b=mix(1024, (352, 192, 320, 192, 224, 128), max5),  # 1024 x 7 x 7
        )
        self.head = average_head(1024, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))
