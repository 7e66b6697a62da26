"""Inception-v3: Szegedy et al., CVPR 2016; see PAPER.

Differences from the paper: its Table 1 gives sizes but not the filters of the modules and cannot be
built as printed (a 3 x 3 convolution from 73 to 71 pixels with 80 maps, three modules of 288 maps
that end in 768). This is the network that its authors released (slim's inception_v3.py, "the exact
model defined in the paper"): 80 maps by 1 x 1, the filters below, averages that leave out the
padding, and 0.2 of dropout. Its normalisation has no scales (23,817,352 parameters); here it has
them. `-tv` is the function that torchvision computes with the released
weights: its averages count the padding; its dropout is 0.5. The Xception paper counts 23,626,728
parameters.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from canon.layers import average_head, init, stages, taps
from canon.layers.conv_arithmetic import side_after
from canon.layers.inception import COLUMN, ROW, Concat, average, chain, conv_bn_relu
from canon.registry import Errors, Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Szegedy, Vanhoucke, Ioffe, Shlens, Wojna",
    title="Rethinking the Inception Architecture for Computer Vision",
    venue="CVPR",
    year=2016,
    identifier="arXiv:1512.00567",
)


Average = Callable[[int, int], nn.Module]  # makes the pooling branch: input and output channels


def _figure5(c_in: int, proj: int, average: Average) -> Concat:
    """5 x 5 kernels, and two 3 x 3 in their place."""
    return Concat(
        b1=conv_bn_relu(c_in, 64, 1),
        b5=chain(c_in, (48, 1), (64, 5)),
        deep=chain(c_in, (64, 1), (96, 3), (96, 3)),
        pool=average(c_in, proj),
    )


def _figure10(c_in: int) -> Concat:
    """Halves the map without a bottleneck: convolution and pooling side by side."""
    return Concat(
        b3=chain(c_in, (384, 3, 2, 0)),
        deep=chain(c_in, (64, 1), (96, 3), (96, 3, 2, 0)),
        pool=nn.MaxPool2d(3, 2),
    )


def _figure6(c_in: int, c: int, average: Average) -> Concat:
    """7 x 7 kernels as a row and a column."""
    return Concat(
        b1=conv_bn_relu(c_in, 192, 1),
        b7=chain(c_in, (c, 1), (c, ROW), (192, COLUMN)),
        deep=chain(c_in, (c, 1), (c, COLUMN), (c, ROW), (c, COLUMN), (192, ROW)),
        pool=average(c_in, 192),
    )


def _halve8(c_in: int) -> Concat:
    return Concat(
        b3=chain(c_in, (192, 1), (320, 3, 2, 0)),
        b7=chain(c_in, (192, 1), (192, ROW), (192, COLUMN), (192, 3, 2, 0)),
        pool=nn.MaxPool2d(3, 2),
    )


def _figure7(c_in: int, average: Average) -> Concat:
    """Rows and columns side by side: wide codes for the coarsest maps."""
    return Concat(
        b1=conv_bn_relu(c_in, 320, 1),
        b3=nn.Sequential(conv_bn_relu(c_in, 384, 1), _split()),
        deep=nn.Sequential(chain(c_in, (448, 1), (384, 3)), _split()),
        pool=average(c_in, 192),
    )


def _split() -> Concat:
    return Concat(row=conv_bn_relu(384, 384, (1, 3)), column=conv_bn_relu(384, 384, (3, 1)))


@register(
    "inception-v3", paper=PAPER,
    published=Published(
        23_834_568, 5_713_216_096, image=299, layers=42, aux_params=3_326_696,
        errors=Errors(0.212, 0.056, "ILSVRC-2012 val, one crop, Table 3"),
    ),
)  # fmt: skip
@register(
    "inception-v3-tv", paper=PAPER, average=partial(average, pads_count=True), dropout=0.5,
    published=Published(23_834_568, 5_713_216_096, image=299, layers=42, aux_params=3_326_696),
)  # fmt: skip
class InceptionV3(nn.Module):
    """Factorised inception modules at 35, 17 and 8 pixels, with a normalised auxiliary head.

    Args:
        average: makes the pooling branch of a module.
        dropout: before the linear layer.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels, which fixes the auxiliary head.
        seed: of the initial weights (He, as in the released code).

    Shape: (N, 3, 299, 299) -> (N, K); any square from 107 pixels when built with `image`.
    """

    aux_weight = 0.4  # of the auxiliary loss in the total, as in the released training code

    def __init__(
        self,
        average: Average = average,
        dropout: float = 0.2,
        classes: int = 1000,
        channels: int = 3,
        image: int = 299,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image = image
        figure5, figure6, figure7 = (
            partial(module, average=average) for module in (_figure5, _figure6, _figure7)
        )
        pooled = side_after(image, (3, 2), (3,), (3, 2), (3,), (3, 2), (3, 2), (5, 3))
        self.features = stages(
            conv1a=conv_bn_relu(channels, 32, 3, 2, 0),  # 32 x 149 x 149
            conv2a=conv_bn_relu(32, 32, 3, 1, 0),  # 32 x 147 x 147
            conv2b=conv_bn_relu(32, 64, 3),  # 64 x 147 x 147
            pool2=nn.MaxPool2d(3, 2),  # 64 x 73 x 73
            conv3b=conv_bn_relu(64, 80, 1),  # 80 x 73 x 73
            conv4a=conv_bn_relu(80, 192, 3, 1, 0),  # 192 x 71 x 71
            pool4=nn.MaxPool2d(3, 2),  # 192 x 35 x 35
            mixed5b=figure5(192, 32),  # 256 x 35 x 35
            mixed5c=figure5(256, 64),  # 288 x 35 x 35
            mixed5d=figure5(288, 64),  # 288 x 35 x 35
            mixed6a=_figure10(288),  # 768 x 17 x 17
            mixed6b=figure6(768, 128),  # 768 x 17 x 17
            mixed6c=figure6(768, 160),  # 768 x 17 x 17
            mixed6d=figure6(768, 160),  # 768 x 17 x 17
            mixed6e=figure6(768, 192),  # 768 x 17 x 17
            mixed7a=_halve8(768),  # 1280 x 8 x 8
            mixed7b=figure7(1280),  # 2048 x 8 x 8
            mixed7c=figure7(2048),  # 2048 x 8 x 8
        )
        self.head = average_head(2048, classes, dropout)
        self.aux = stages(
            pool=nn.AvgPool2d(5, 3),
            conv0=conv_bn_relu(768, 128, 1),
            conv1=conv_bn_relu(128, 768, pooled, 1, 0),  # 5 x 5 at 299 pixels
            head=average_head(768, classes),
        )
        init.he(self, seed)
        for name, std in (("conv1", 0.01), ("head.fc", 0.001)):  # as in the released code
            init.gaussian(self.aux.get_submodule(name), std, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))

    def with_aux(self, x: Images) -> tuple[Logits, tuple[Logits, ...]]:
        """The logits, and those of the auxiliary head on module 6e."""
        y = taps(self.features, x)
        return self.head(y["mixed7c"]), (self.aux(y["mixed6e"]),)
