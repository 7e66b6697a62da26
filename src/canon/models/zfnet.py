"""ZFNet: Zeiler, Fergus, ECCV 2014; see PAPER.

Differences from the paper: none known. Figure 3 gives 110, 55, 26, 13 and 6 pixels; they follow
with one pixel of padding in conv1 and poolings that round up. It normalises contrast across maps
after the first two poolings and gives no numbers for that: they are AlexNet's, which it started
from. "All weights are initialized to 10^-2" is read as a standard deviation. `zfnet-b` is the
variant with 512, 1024 and 512 maps in layers three to five (Table 2).
"""

from torch import nn

from canon.layers import LocalResponseNorm, init, stages
from canon.layers.conv_arithmetic import conv_size
from canon.layers.inception import conv_relu
from canon.registry import Errors, Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Zeiler, Fergus",
    title="Visualizing and Understanding Convolutional Networks",
    venue="ECCV",
    year=2014,
    identifier="arXiv:1311.2901",
)

VAL = "ILSVRC-2012 val, one net, Table 2"


@register(
    "zfnet", paper=PAPER, widths=(384, 384, 256),
    published=Published(62_357_608, 1_168_032_896, layers=8, errors=Errors(0.384, 0.165, VAL)),
)  # fmt: skip
@register(
    "zfnet-b", paper=PAPER, widths=(512, 1024, 512),
    published=Published(107_627_624, 2_476_704_896, layers=8, errors=Errors(0.375, 0.160, VAL)),
)  # fmt: skip
class ZFNet(nn.Module):
    """AlexNet with a finer first layer: 7 x 7 at stride 2 in place of 11 x 11 at stride 4.

    Args:
        widths: maps of layers three, four and five.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights, N(0, 0.01).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 63 pixels when built with `image`.
    """

    def __init__(
        self,
        widths: tuple[int, int, int],
        classes: int = 1000,
        channels: int = 3,
        image: int = 224,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image = image
        w3, w4, w5 = widths
        self.features = stages(
            conv1=conv_relu(channels, 96, 7, 2, 1),  # 96 x 110 x 110
            pool1=nn.MaxPool2d(3, 2, ceil_mode=True),  # 96 x 55 x 55
            norm1=LocalResponseNorm(),  # 96 x 55 x 55
            conv2=conv_relu(96, 256, 5, 2, 0),  # 256 x 26 x 26
            pool2=nn.MaxPool2d(3, 2, ceil_mode=True),  # 256 x 13 x 13
            norm2=LocalResponseNorm(),  # 256 x 13 x 13
            conv3=conv_relu(256, w3, 3),  # 384 x 13 x 13
            conv4=conv_relu(w3, w4, 3),  # 384 x 13 x 13
            conv5=conv_relu(w4, w5, 3),  # 256 x 13 x 13
            pool5=nn.MaxPool2d(3, 2, ceil_mode=True),  # 256 x 6 x 6
        )
        self.head = stages(
            flatten=nn.Flatten(),
            fc6=nn.Sequential(nn.Linear(w5 * _side(image) ** 2, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc7=nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc8=nn.Linear(4096, classes),
        )
        init.gaussian(self, std=0.01, seed=seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _side(image: int) -> int:
    side = conv_size(conv_size(image, 7, 2, 1), 3, 2, ceil_mode=True)
    side = conv_size(conv_size(side, 5, 2), 3, 2, ceil_mode=True)
    return conv_size(side, 3, 2, ceil_mode=True)
