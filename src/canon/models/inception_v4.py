"""Inception-v4: Szegedy, Ioffe, Vanhoucke, Alemi, AAAI 2017; see PAPER.

Differences from the paper: none in the filters. As in the authors' code (slim's inception_v4.py),
whose weights have the printed errors, rows and columns of the stem and of the long branches of
figures 5 and 6 are in the other order than the figures print. The paper's other network is in
`inception_resnet_v2`.
"""

from torch import nn

from canon.layers import average_head, init, stages
from canon.layers.inception import COLUMN, ROW, Concat, Kernel, average, chain, conv_bn_relu
from canon.registry import Errors, Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Szegedy, Ioffe, Vanhoucke, Alemi",
    title="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    venue="AAAI",
    year=2017,
    identifier="arXiv:1602.07261",
)

DROPOUT = 0.2  # figure 9 keeps 0.8
VAL = "ILSVRC-2012 val without the blacklisted images, one crop, Table 2 of the preprint"


def stem_v4(
    channels: int, first: Kernel = ROW, second: Kernel = COLUMN
) -> tuple[nn.Sequential, int]:
    """Figure 3: 384 maps of 35 x 35.

    Args:
        channels: of the input.
        first: of the two kernels in place of a 7 x 7.
        second: the other one.
    """
    stem = stages(
        convs=chain(channels, (32, 3, 2, 0), (32, 3, 1, 0), (64, 3)),  # 147 pixels per side
        pool=Concat(pool=nn.MaxPool2d(3, 2), conv=conv_bn_relu(64, 96, 3, 2, 0)),  # 73
        tall=Concat(
            b3=chain(160, (64, 1), (96, 3, 1, 0)),
            b7=chain(160, (64, 1), (64, first), (64, second), (96, 3, 1, 0)),
        ),  # 71
        halve=Concat(conv=conv_bn_relu(192, 192, 3, 2, 0), pool=nn.MaxPool2d(3, 2)),  # 35
    )
    return stem, 384


def _a(c: int) -> Concat:
    """Figure 4."""
    return Concat(
        b1=conv_bn_relu(c, 96, 1),
        b3=chain(c, (64, 1), (96, 3)),
        deep=chain(c, (64, 1), (96, 3), (96, 3)),
        pool=average(c, 96),
    )


def reduction_a(c: int, k: int, l: int, m: int, n: int) -> Concat:  # noqa: E741
    """Figure 7, with the letters of Table 1."""
    return Concat(
        b3=conv_bn_relu(c, n, 3, 2, 0),
        deep=chain(c, (k, 1), (l, 3), (m, 3, 2, 0)),
        pool=nn.MaxPool2d(3, 2),
    )


def _b(c: int) -> Concat:
    """Figure 5."""
    return Concat(
        b1=conv_bn_relu(c, 384, 1),
        b7=chain(c, (192, 1), (224, ROW), (256, COLUMN)),
        deep=chain(c, (192, 1), (192, COLUMN), (224, ROW), (224, COLUMN), (256, ROW)),
        pool=average(c, 128),
    )


def _reduction_b(c: int) -> Concat:
    """Figure 8."""
    return Concat(
        b3=chain(c, (192, 1), (192, 3, 2, 0)),
        b7=chain(c, (256, 1), (256, ROW), (320, COLUMN), (320, 3, 2, 0)),
        pool=nn.MaxPool2d(3, 2),
    )


def _c(c: int) -> Concat:
    """Figure 6."""
    return Concat(
        b1=conv_bn_relu(c, 256, 1),
        b3=nn.Sequential(conv_bn_relu(c, 384, 1), _split(384)),
        deep=nn.Sequential(chain(c, (384, 1), (448, (3, 1)), (512, (1, 3))), _split(512)),
        pool=average(c, 256),
    )


def _split(c: int) -> Concat:
    return Concat(row=conv_bn_relu(c, 256, (1, 3)), column=conv_bn_relu(c, 256, (3, 1)))


@register(
    "inception-v4", paper=PAPER,
    published=Published(42_679_816, 12_253_974_624, image=299, errors=Errors(0.200, 0.050, VAL)),
)  # fmt: skip
class InceptionV4(nn.Module):
    """Figure 9: a stem, and 4, 7 and 3 modules at 35, 17 and 8 pixels.

    Args:
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He; the paper names none).

    Shape: (N, 3, 299, 299) -> (N, K); any square from 107 pixels.
    """

    def __init__(self, classes: int = 1000, channels: int = 3, seed: int = 0) -> None:
        super().__init__()
        stem, c = stem_v4(channels)
        self.features = stages(
            stem=stem,  # 384 x 35 x 35
            inception_a=nn.Sequential(*[_a(c) for _ in range(4)]),  # 384 x 35 x 35
            reduction_a=reduction_a(c, 192, 224, 256, 384),  # 1024 x 17 x 17
            inception_b=nn.Sequential(*[_b(1024) for _ in range(7)]),  # 1024 x 17 x 17
            reduction_b=_reduction_b(1024),  # 1536 x 8 x 8
            inception_c=nn.Sequential(*[_c(1536) for _ in range(3)]),  # 1536 x 8 x 8
        )
        self.head = average_head(1536, classes, DROPOUT)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))
