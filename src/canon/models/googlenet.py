"""GoogLeNet: Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich, "Going
Deeper with Convolutions", CVPR 2015, arXiv:1409.4842.

Differences from the paper: none in the filters of Table 1. That table counts weights without biases
in units of 1024 and agrees with its own filters in 3a, 3b and 4b only: those of 4a and 4c to 5b are
off by up to 10 %, and so are the sums. Its 2.7K parameters and 34M operations of the first
convolution (9,408 and 118M by the filter) are those of a separable one with depth multiplier 8, 3 x
8 x 49 + 24 x 64 = 2,712, which BN-Inception prints. The totals here follow from the filters.
Poolings round up, as 112, 56, 28, 14, 7 ask for. `googlenet-naive` has the modules of figure 2(a),
without reductions: the pooling branch hands on all its channels, so maps grow from module to
module. `googlenet-tv` is what torchvision's weights compute: batch normalisation for biases, 3 x 3
in the "5 x 5" branch, no response normalisation, a 2 x 2 fourth pooling, other dropout.
"""  # noqa: D205

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from canon.layers import LocalResponseNorm, average_head, init, stages, taps
from canon.layers.conv_arithmetic import conv_size
from canon.layers.inception import Concat, MakeConv, conv_bn_relu, conv_relu
from canon.registry import Errors, Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich",
    title="Going Deeper with Convolutions",
    venue="CVPR",
    year=2015,
    identifier="arXiv:1409.4842",
)

# Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
# fmt: off
TABLE1 = {
    "inception3a": ( 64,  96, 128, 16,  32,  32),
    "inception3b": (128, 128, 192, 32,  96,  64),
    "inception4a": (192,  96, 208, 16,  48,  64),
    "inception4b": (160, 112, 224, 24,  64,  64),
    "inception4c": (128, 128, 256, 24,  64,  64),
    "inception4d": (112, 144, 288, 32,  64,  64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}
# fmt: on


def inception(
    c_in: int, filters: tuple[int, ...], conv: MakeConv = conv_relu, five: int = 5
) -> tuple[Concat, int]:
    """Figure 2(b): 1 x 1 reductions before the large kernels. Returns module and channels."""
    n1, r3, n3, r5, n5, proj = filters
    module = Concat(
        b1=conv(c_in, n1, 1),
        b3=nn.Sequential(conv(c_in, r3, 1), conv(r3, n3, 3)),
        b5=nn.Sequential(conv(c_in, r5, 1), conv(r5, n5, five)),
        pool=nn.Sequential(nn.MaxPool2d(3, 1, padding=1, ceil_mode=True), conv(c_in, proj, 1)),
    )
    return module, n1 + n3 + n5 + proj


def naive(
    c_in: int, filters: tuple[int, ...], conv: MakeConv = conv_relu, five: int = 5
) -> tuple[Concat, int]:
    """Figure 2(a): the same without reductions and projection. Returns module and channels."""
    n1, _, n3, _, n5, _ = filters
    pool = nn.MaxPool2d(3, 1, padding=1)
    module = Concat(b1=conv(c_in, n1, 1), b3=conv(c_in, n3, 3), b5=conv(c_in, n5, five), pool=pool)
    return module, n1 + n3 + n5 + c_in


def _auxiliary(c_in: int, map_side: int, classes: int) -> nn.Sequential:
    """Section 5: 5 x 5 average at stride 3, 1 x 1 to 128, 1024 units, 70 % dropout."""
    inputs = 128 * conv_size(map_side, 5, 3) ** 2
    return _with_fc(nn.AvgPool2d(5, 3), conv_relu(c_in, 128, 1), inputs, classes)


def _auxiliary_tv(c_in: int, _: int, classes: int) -> nn.Sequential:
    return _with_fc(nn.AdaptiveAvgPool2d(4), conv_bn_relu(c_in, 128, 1), 128 * 16, classes)


def _with_fc(pool: nn.Module, conv: nn.Module, inputs: int, classes: int) -> nn.Sequential:
    return stages(
        pool=pool, conv=conv, flatten=nn.Flatten(), fc1=nn.Linear(inputs, 1024), relu=nn.ReLU(),
        drop=nn.Dropout(0.7), fc2=nn.Linear(1024, classes),
    )  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """What the paper's network and torchvision's are made of."""

    conv: MakeConv = conv_relu
    norm: Callable[[], nn.Module] = LocalResponseNorm
    five: int = 5
    pool4: int = 3
    dropout: float = 0.4
    auxiliary: Callable[[int, int, int], nn.Sequential] = _auxiliary


TORCHVISION = Parts(conv_bn_relu, nn.Identity, 3, 2, 0.2, _auxiliary_tv)

_PAPER = Published(
    6_998_552, 1_582_671_872, aux_params=3_188_840 + 3_190_888,
    errors=Errors(None, 0.1007, "ILSVRC-2014 val, one net, one crop, Table 3"),
)  # fmt: skip
_NAIVE = Published(97_526_008, 12_568_061_056, aux_params=6_748_368)
_TV = Published(6_624_904, 1_498_376_192, aux_params=6_379_984)


@register("googlenet", paper=PAPER, published=_PAPER)
@register("googlenet-naive", paper=PAPER, module=naive, published=_NAIVE)
@register("googlenet-tv", paper=PAPER, parts=TORCHVISION, published=_TV)
class GoogLeNet(nn.Module):
    """Nine inception modules between four poolings, with two auxiliary heads for training.

    Args:
        module: makes an inception module and tells its output channels.
        parts: what the layers are made of.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels, which fixes the auxiliary heads.
        seed: of the initial weights (Glorot; the paper names none).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 79 pixels when built with
    `image`; from 47 with torchvision's parts.
    """

    aux_weight = 0.3  # of the auxiliary losses in the total (section 5)

    def __init__(
        self,
        module: Callable[..., tuple[Concat, int]] = inception,
        parts: Parts = Parts(),
        classes: int = 1000,
        channels: int = 3,
        image: int = 224,
        seed: int = 0,
    ) -> None:
        super().__init__()
        conv, widths, c = parts.conv, {}, 192
        modules = {}
        for name, filters in TABLE1.items():
            modules[name], c = module(c, filters, conv, parts.five)
            widths[name] = c
        self.features = stages(
            conv1=conv(channels, 64, 7, 2, 3),  # 64 x 112 x 112
            pool1=_pool(3),  # 64 x 56 x 56
            norm1=parts.norm(),  # 64 x 56 x 56
            reduce2=conv(64, 64, 1),  # 64 x 56 x 56
            conv2=conv(64, 192, 3),  # 192 x 56 x 56
            norm2=parts.norm(),  # 192 x 56 x 56
            pool2=_pool(3),  # 192 x 28 x 28
            inception3a=modules["inception3a"],  # 256 x 28 x 28
            inception3b=modules["inception3b"],  # 480 x 28 x 28
            pool3=_pool(3),  # 480 x 14 x 14
            inception4a=modules["inception4a"],  # 512 x 14 x 14
            inception4b=modules["inception4b"],  # 512 x 14 x 14
            inception4c=modules["inception4c"],  # 512 x 14 x 14
            inception4d=modules["inception4d"],  # 528 x 14 x 14
            inception4e=modules["inception4e"],  # 832 x 14 x 14
            pool4=_pool(parts.pool4),  # 832 x 7 x 7
            inception5a=modules["inception5a"],  # 832 x 7 x 7
            inception5b=modules["inception5b"],  # 1024 x 7 x 7
        )
        self.head = average_head(c, classes, parts.dropout)
        side = _side(image)
        self.aux1 = parts.auxiliary(widths["inception4a"], side, classes)
        self.aux2 = parts.auxiliary(widths["inception4d"], side, classes)
        init.glorot(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))

    def with_aux(self, x: Images) -> tuple[Logits, tuple[Logits, ...]]:
        """The logits, and those of the two auxiliary heads on modules 4a and 4d."""
        y = taps(self.features, x)
        return self.head(y["inception5b"]), (
            self.aux1(y["inception4a"]),
            self.aux2(y["inception4d"]),
        )


def _pool(kernel: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)


def _side(image: int) -> int:
    """The side of the maps of stage four."""
    side = conv_size(image, 7, 2, 3)
    for _ in range(3):
        side = conv_size(side, 3, 2, ceil_mode=True)
    return side
