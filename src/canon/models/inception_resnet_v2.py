"""Inception-ResNet-v2: Szegedy, Ioffe, Vanhoucke, Alemi, AAAI 2017; see PAPER.

Differences from the paper: `inception-resnet-v2` is the network whose weights the authors released
and whose errors are quoted: the stem of Inception-v3 and a first mixed module, 10, 20 and 10
residual blocks, 320, 1088 and 2080 maps, and a last 1 x 1 convolution to 1536. The figures of the
paper print another: the stem of Inception-v4, 5, 10 and 5 blocks. That one is
`inception-resnet-v2-printed`; there figures 17 and 19 say 1154 and 2048 maps where the additions
need 1152 and 2144, which they have here. Residuals are scaled by 0.17, 0.10 and 0.20, within the
paper's 0.1 to 0.3. The SENet paper counts 11.75 billion multiplications; the released network has
13.16. The auxiliary head of the released code, which no figure shows, is omitted.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from canon.layers import average_head, init, stages
from canon.layers.inception import COLUMN, ROW, Concat, average, chain, conv_bn_relu
from canon.models.inception_v4 import DROPOUT, PAPER, VAL, reduction_a, stem_v4
from canon.registry import Errors, Published, register
from canon.types import Images, Logits


def stem_v3(channels: int) -> tuple[nn.Sequential, int]:
    """Inception-v3's stem and a mixed module: 320 maps of 35 x 35."""
    stem = stages(
        convs=chain(channels, (32, 3, 2, 0), (32, 3, 1, 0), (64, 3)),
        pool3=nn.MaxPool2d(3, 2),
        more=chain(64, (80, 1), (192, 3, 1, 0)),
        pool5=nn.MaxPool2d(3, 2),
        mixed5b=Concat(
            b1=conv_bn_relu(192, 96, 1),
            b5=chain(192, (48, 1), (64, 5)),
            deep=chain(192, (64, 1), (96, 3), (96, 3)),
            pool=average(192, 64),
        ),
    )
    return stem, 320


stem_printed = partial(stem_v4, first=COLUMN, second=ROW)  # as Figure 3 has them


class Scaled(nn.Module):
    """relu(x + scale * branch(x)): section 3.3 scales residuals so that wide nets do not die.

    Shape: (N, C, H, W) -> (N, C, H, W)
    """

    def __init__(self, c: int, inner: int, scale: float, branches: Concat, relu: nn.Module) -> None:
        super().__init__()
        self.branches, self.scale, self.relu = branches, scale, relu
        self.up = nn.Conv2d(inner, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.scale * self.up(self.branches(x)))


def _res_a(c: int) -> Scaled:
    """Figure 16."""
    deep = chain(c, (32, 1), (48, 3), (64, 3))
    branches = Concat(b1=conv_bn_relu(c, 32, 1), b3=chain(c, (32, 1), (32, 3)), deep=deep)
    return Scaled(c, 128, 0.17, branches, nn.ReLU())


def _res_b(c: int) -> Scaled:
    """Figure 17."""
    b7 = chain(c, (128, 1), (160, ROW), (192, COLUMN))
    return Scaled(c, 384, 0.10, Concat(b1=conv_bn_relu(c, 192, 1), b7=b7), nn.ReLU())


def _res_c(c: int, scale: float = 0.20, relu: nn.Module | None = None) -> Scaled:
    """Figure 19."""
    b3 = chain(c, (192, 1), (224, (1, 3)), (256, (3, 1)))
    return Scaled(c, 448, scale, Concat(b1=conv_bn_relu(c, 192, 1), b3=b3), relu or nn.ReLU())


def _res_reduction_b(c: int) -> Concat:
    """Figure 18."""
    return Concat(
        b3=chain(c, (256, 1), (384, 3, 2, 0)),
        other=chain(c, (256, 1), (288, 3, 2, 0)),
        deep=chain(c, (256, 1), (288, 3), (320, 3, 2, 0)),
        pool=nn.MaxPool2d(3, 2),
    )


def _released_end(c: int) -> tuple[nn.Sequential, int]:
    last = _res_c(c, 1.0, nn.Identity())  # unscaled and linear
    return nn.Sequential(last, conv_bn_relu(c, 1536, 1)), 1536


def _printed_end(c: int) -> tuple[nn.Module, int]:
    return _res_c(c), c


@register(
    "inception-resnet-v2", paper=PAPER, stem=stem_v3, depths=(10, 20, 9), end=_released_end,
    published=Published(55_843_464, 13_155_794_016, image=299, errors=Errors(0.199, 0.049, VAL)),
)  # fmt: skip
@register(
    "inception-resnet-v2-printed", paper=PAPER, stem=stem_printed, depths=(5, 10, 4),
    end=_printed_end,
    published=Published(32_433_928, 9_257_953_632, image=299),
)  # fmt: skip
class InceptionResNetV2(nn.Module):
    """Figure 15: a stem, and three stages of residual inception blocks.

    Args:
        stem: makes the stem and tells its channels.
        depths: blocks in each stage, the last one not counted.
        end: makes the last block, and what follows it, and tells the channels.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (Glorot, as in the released code).

    Shape: (N, 3, 299, 299) -> (N, K); any square from 107 pixels.
    """

    def __init__(
        self,
        stem: Callable[[int], tuple[nn.Sequential, int]],
        depths: tuple[int, int, int],
        end: Callable[[int], tuple[nn.Module, int]],
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        a, b, c = depths
        first, c35 = stem(channels)
        c17 = c35 + 384 + 384
        c8 = c17 + 384 + 288 + 320
        last, features = end(c8)
        self.features = stages(
            stem=first,  # 320 x 35 x 35
            inception_a=nn.Sequential(*[_res_a(c35) for _ in range(a)]),  # 320 x 35 x 35
            reduction_a=reduction_a(c35, 256, 256, 384, 384),  # 1088 x 17 x 17
            inception_b=nn.Sequential(*[_res_b(c17) for _ in range(b)]),  # 1088 x 17 x 17
            reduction_b=_res_reduction_b(c17),  # 2080 x 8 x 8
            inception_c=nn.Sequential(*[_res_c(c8) for _ in range(c)]),  # 2080 x 8 x 8
            end=last,  # 1536 x 8 x 8
        )
        self.head = average_head(features, classes, DROPOUT)
        init.glorot(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))
