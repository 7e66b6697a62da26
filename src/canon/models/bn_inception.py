"""BN-Inception: Ioffe, Szegedy, "Batch Normalization: Accelerating Deep Network Training by
Reducing Internal Covariate Shift", ICML 2015, arXiv:1502.03167.

Differences from the paper: none in the filters of Figure 5. Its first convolution is separable with
depth multiplier 8. The text counts 13.6 million parameters; the figure's filters come to 11.2. What
became known under the name is `bn-inception-caffe`, which SENet builds on: a plain first
convolution, 128 projected maps in 4c and 4d, biases that normalisation takes away again, poolings
that round up.
"""  # noqa: D205

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.inception import BN_EPS, Concat, MakeConv, chain, conv_bn_relu
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

# Figure 5: #1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3, pool proj and
# its kind; "pass" is a maximum without projection, where everything else has stride 2.
# fmt: off
FIGURE5 = {
    "inception3a": ( 64,  64,  64,  64,  96,  32, "avg"),
    "inception3b": ( 64,  64,  96,  64,  96,  64, "avg"),
    "inception3c": (  0, 128, 160,  64,  96,   0, "pass"),
    "inception4a": (224,  64,  96,  96, 128, 128, "avg"),
    "inception4b": (192,  96, 128,  96, 128, 128, "avg"),
    "inception4c": (160, 128, 160, 128, 160,  96, "avg"),
    "inception4d": ( 96, 128, 192, 160, 192,  96, "avg"),
    "inception4e": (  0, 128, 192, 192, 256,   0, "pass"),
    "inception5a": (352, 192, 320, 160, 224, 128, "avg"),
    "inception5b": (352, 192, 320, 192, 224, 128, "max"),
}
# fmt: on


# As in the Caffe network.
CAFFE = FIGURE5 | {
    "inception4c": (160, 128, 160, 128, 160, 128, "avg"),
    "inception4d": (96, 128, 192, 160, 192, 128, "avg"),
}


def _halve() -> nn.Module:
    return nn.MaxPool2d(3, 2, padding=1)


def _halve_caffe() -> nn.Sequential:
    """Rounds up as Caffe does, of an odd side too, where its convolutions do not."""
    return nn.Sequential(nn.ConstantPad2d((0, 2, 0, 2), float("-inf")), nn.MaxPool2d(3, 2))


def _first(channels: int) -> nn.Sequential:
    conv = SeparableConv(channels, 64, 7, 2, multiplier=8)
    return nn.Sequential(conv, nn.BatchNorm2d(64, eps=BN_EPS), nn.ReLU())


def _conv_caffe(
    c_in: int, c_out: int, kernel: int, stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    plain = conv_bn_relu(c_in, c_out, kernel, stride, padding)
    sides = kernel // 2 if padding is None else padding
    plain[0] = nn.Conv2d(c_in, c_out, kernel, stride, sides)
    return plain


def _first_caffe(channels: int) -> nn.Sequential:
    return _conv_caffe(channels, 64, 7, 2)


@dataclass(frozen=True)
class Parts:
    """What the figure's network and the Caffe network are made of."""

    table: dict[str, tuple[int, int, int, int, int, int, str]]
    first: Callable[[int], nn.Sequential]
    conv: MakeConv
    halve: Callable[[], nn.Module]


PRINTED = Parts(FIGURE5, _first, conv_bn_relu, _halve)
RELEASED = Parts(CAFFE, _first_caffe, _conv_caffe, _halve_caffe)


def _module(
    parts: Parts, c_in: int, n1: int, r3: int, n3: int, rd: int, nd: int, proj: int, pool: str
) -> tuple[Concat, int]:
    conv = parts.conv
    if pool == "pass":  # halves the map and hands its input on
        module = Concat(
            b3=chain(c_in, (r3, 1), (n3, 3, 2, 1), conv=conv),
            deep=chain(c_in, (rd, 1), (nd, 3), (nd, 3, 2, 1), conv=conv),
            pool=parts.halve(),
        )
        return module, n3 + nd + c_in
    pooling = nn.MaxPool2d(3, 1, 1) if pool == "max" else nn.AvgPool2d(3, 1, 1)
    module = Concat(
        b1=conv(c_in, n1, 1),
        b3=chain(c_in, (r3, 1), (n3, 3), conv=conv),
        deep=chain(c_in, (rd, 1), (nd, 3), (nd, 3), conv=conv),
        pool=nn.Sequential(pooling, conv(c_in, proj, 1)),
    )
    return module, n1 + n3 + nd + proj


def _nothing(_: int) -> nn.Module:
    return nn.Identity()


_BN_X30 = Errors(0.252, 0.0782, "ILSVRC-2012 val, one crop, BN-x30, Figure 4")
_PRINTED = Published(11_188_288, 1_934_857_216, errors=_BN_X30)
_CAFFE = Published(
    11_295_240, 2_032_600_064, printed_macs=Printed(2.03e9, 0.005e9, "SENet, Table 2"),
    errors=Errors(0.2538, 0.0789, "ILSVRC-2012 val, one crop, SENet, Table 2"),
)  # fmt: skip


@register("bn-inception", paper=PAPER, published=_PRINTED)
@register("bn-inception-caffe", paper=PAPER, parts=RELEASED, published=_CAFFE)
class BNInception(nn.Module):
    """Ten inception modules with two 3 x 3 convolutions for each 5 x 5, normalised everywhere.

    Args:
        parts: the table, and what the layers are made of.
        after: what follows each module, given its channels.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He; the paper names none).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """

    def __init__(
        self,
        parts: Parts = PRINTED,
        after: Callable[[int], nn.Module] = _nothing,
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        modules: dict[str, nn.Module] = {}
        c = 192
        for name, filters in parts.table.items():
            module, c = _module(parts, c, *filters)
            more = after(c)
            modules[name] = module if isinstance(more, nn.Identity) else nn.Sequential(module, more)
        self.features = stages(
            conv1=parts.first(channels),
            pool1=parts.halve(),
            conv2=chain(64, (64, 1), (192, 3), conv=parts.conv),
            pool2=parts.halve(),
            **modules,
        )
        self.head = average_head(c, classes)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))
