"""GoogLeNet: Szegedy et al., CVPR 2015; see PAPER.

Differences from the paper: none in the filters of Table 1. That table counts weights without biases
in units of 1024 and agrees with its own filters in 3a, 3b and 4b only: those of 4a and 4c to 5b are
off by up to 7.5 %, and so are the sums. Its 2.7K parameters and 34M operations of the first
convolution (9,408 and 118M by the filter) are those of a separable one with depth multiplier 8, 3 x
8 x 49 + 24 x 64 = 2,712, which BN-Inception prints. The totals here follow from the filters.
Poolings round up, as 112, 56, 28, 14, 7 require. The paper gives no constants of the response
normalisation; they are AlexNet's here (Caffe's reimplementation has k = 1 and alpha divided by 5).
`googlenet-naive` has the modules of figure 2(a), without reductions: the pooling branch passes all
its channels on, so maps grow from module to module. `googlenet-tv` is the function that
torchvision's weights compute: batch normalisation for biases, 3 x 3 in the "5 x 5" branch, no
response normalisation, a 2 x 2 fourth pooling, other dropout.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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

# The filters of Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
Filters = tuple[int, int, int, int, int, int]


def inception(c_in: int, filters: Filters, conv: MakeConv, kernel5: int) -> Concat:
    """Figure 2(b): 1 x 1 reductions before the large kernels."""
    n1, r3, n3, r5, n5, proj = filters
    return Concat(
        b1=conv(c_in, n1, 1),
        b3=nn.Sequential(conv(c_in, r3, 1), conv(r3, n3, 3)),
        b5=nn.Sequential(conv(c_in, r5, 1), conv(r5, n5, kernel5)),
        pool=nn.Sequential(nn.MaxPool2d(3, 1, padding=1, ceil_mode=True), conv(c_in, proj, 1)),
    )


def naive(c_in: int, n1: int, n3: int, n5: int) -> Concat:
    """Figure 2(a): the same without reductions and projection."""
    return Concat(
        b1=conv_relu(c_in, n1, 1),
        b3=conv_relu(c_in, n3, 3),
        b5=conv_relu(c_in, n5, 5),
        pool=nn.MaxPool2d(3, 1, padding=1),
    )


def _auxiliary(c_in: int, image: int, classes: int) -> nn.Sequential:
    """Section 5: 5 x 5 average at stride 3, 1 x 1 to 128, 1024 units, 70 % dropout."""
    side = conv_size(image, 7, 2, 3)
    for _ in range(3):
        side = conv_size(side, 3, 2, ceil_mode=True)
    inputs = 128 * conv_size(side, 5, 3) ** 2
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
    """The parts in which the paper's network and its other forms differ."""

    conv: MakeConv = conv_relu
    norm: Callable[[], nn.Module] = LocalResponseNorm
    kernel5: int = 5
    pool4: int = 3
    dropout: float = 0.4
    auxiliary: Callable[[int, int, int], nn.Sequential] = _auxiliary
    padding1: int = 3  # of the first convolution, pixels


TORCHVISION = Parts(conv_bn_relu, nn.Identity, 3, 2, 0.2, _auxiliary_tv)


class WithAuxiliaries(nn.Module):
    """Features, a head, and two auxiliary heads on modules 4a and 4d."""

    aux_weight = 0.3  # of the auxiliary losses in the total (section 5)

    features: nn.Sequential
    head: nn.Sequential
    aux1: nn.Sequential
    aux2: nn.Sequential

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))

    def with_aux(self, x: Images) -> tuple[Logits, tuple[Logits, ...]]:
        """The logits, and those of the two auxiliary heads."""
        y = taps(self.features, x)
        auxiliary = self.aux1(y["inception4a"]), self.aux2(y["inception4d"])
        return self.head(y["inception5b"]), auxiliary


def _pool(kernel: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)


@register(
    "googlenet", paper=PAPER,
    published=Published(
        6_998_552, 1_582_671_872, layers=22, aux_params=3_188_840 + 3_190_888,
        errors=Errors(None, 0.0789, "ILSVRC-2014 val, one net, 144 crops, Table 3"),
    ),
)  # fmt: skip
@register(
    "googlenet-tv", paper=PAPER, parts=TORCHVISION,
    published=Published(6_624_904, 1_498_376_192, layers=22, aux_params=6_379_984),
)  # fmt: skip
class GoogLeNet(WithAuxiliaries):
    """Nine inception modules between four poolings, with two auxiliary heads for training.

    Args:
        parts: those of the paper's network or of torchvision's.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels, which fixes the auxiliary heads.
        seed: of the initial weights (Glorot; the paper names none).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 79 pixels when built with
    `image`; from 47 with torchvision's parts.
    """

    def __init__(
        self,
        parts: Parts = Parts(),
        classes: int = 1000,
        channels: int = 3,
        image: int = 224,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image = image
        conv, mix = parts.conv, partial(inception, conv=parts.conv, kernel5=parts.kernel5)
        self.features = stages(
            conv1=conv(channels, 64, 7, 2, parts.padding1),  # 64 x 112 x 112
            pool1=_pool(3),  # 64 x 56 x 56
            norm1=parts.norm(),  # 64 x 56 x 56
            reduce2=conv(64, 64, 1),  # 64 x 56 x 56
            conv2=conv(64, 192, 3),  # 192 x 56 x 56
            norm2=parts.norm(),  # 192 x 56 x 56
            pool2=_pool(3),  # 192 x 28 x 28
            inception3a=mix(192, (64, 96, 128, 16, 32, 32)),  # 256 x 28 x 28
            inception3b=mix(256, (128, 128, 192, 32, 96, 64)),  # 480 x 28 x 28
            pool3=_pool(3),  # 480 x 14 x 14
            inception4a=mix(480, (192, 96, 208, 16, 48, 64)),  # 512 x 14 x 14
            inception4b=mix(512, (160, 112, 224, 24, 64, 64)),  # 512 x 14 x 14
            inception4c=mix(512, (128, 128, 256, 24, 64, 64)),  # 512 x 14 x 14
            inception4d=mix(512, (112, 144, 288, 32, 64, 64)),  # 528 x 14 x 14
            inception4e=mix(528, (256, 160, 320, 32, 128, 128)),  # 832 x 14 x 14
            pool4=_pool(parts.pool4),  # 832 x 7 x 7
            inception5a=mix(832, (256, 160, 320, 32, 128, 128)),  # 832 x 7 x 7
            inception5b=mix(832, (384, 192, 384, 48, 128, 128)),  # 1024 x 7 x 7
        )
        self.head = average_head(1024, classes, parts.dropout)
        self.aux1 = parts.auxiliary(512, image, classes)
        self.aux2 = parts.auxiliary(528, image, classes)
        init.glorot(self, seed)


@register(
    "googlenet-naive", paper=PAPER,
    published=Published(97_526_008, 12_568_061_056, aux_params=6_748_368),
)  # fmt: skip
class GoogLeNetNaive(WithAuxiliaries):
    """GoogLeNet with the modules of figure 2(a): the filters of Table 1, and no reductions.

    Args:
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels, which fixes the auxiliary heads.
        seed: of the initial weights (Glorot; the paper names none).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 79 pixels when built with `image`.
    """

    def __init__(
        self, classes: int = 1000, channels: int = 3, image: int = 224, seed: int = 0
    ) -> None:
        super().__init__()
        self.image = image
        self.features = stages(
            conv1=conv_relu(channels, 64, 7, 2),  # 64 x 112 x 112
            pool1=_pool(3),  # 64 x 56 x 56
            norm1=LocalResponseNorm(),  # 64 x 56 x 56
            reduce2=conv_relu(64, 64, 1),  # 64 x 56 x 56
            conv2=conv_relu(64, 192, 3),  # 192 x 56 x 56
            norm2=LocalResponseNorm(),  # 192 x 56 x 56
            pool2=_pool(3),  # 192 x 28 x 28
            inception3a=naive(192, 64, 128, 32),  # 416 x 28 x 28
            inception3b=naive(416, 128, 192, 96),  # 832 x 28 x 28
            pool3=_pool(3),  # 832 x 14 x 14
            inception4a=naive(832, 192, 208, 48),  # 1280 x 14 x 14
            inception4b=naive(1280, 160, 224, 64),  # 1728 x 14 x 14
            inception4c=naive(1728, 128, 256, 64),  # 2176 x 14 x 14
            inception4d=naive(2176, 112, 288, 64),  # 2640 x 14 x 14
            inception4e=naive(2640, 256, 320, 128),  # 3344 x 14 x 14
            pool4=_pool(3),  # 3344 x 7 x 7
            inception5a=naive(3344, 256, 320, 128),  # 4048 x 7 x 7
            inception5b=naive(4048, 384, 384, 128),  # 4944 x 7 x 7
        )
        self.head = average_head(4944, classes, dropout=0.4)
        self.aux1 = _auxiliary(1280, image, classes)
        self.aux2 = _auxiliary(2640, image, classes)
        init.glorot(self, seed)
