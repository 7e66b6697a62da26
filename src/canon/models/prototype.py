"""Prototype of a convolutional network: Li, Karpathy, Johnson, Stanford University 2016; see PAPER.

Differences from the paper: a lecture gives the pattern, [(CONV - RELU) twice - POOL] three times -
FC, and no numbers. Here the convolutions are 3 x 3 and padded by one, the poolings 2 x 2, and the
widths start at 16 and double where the map is halved.
"""

from torch import nn

from canon.layers import init, stages
from canon.layers.conv_arithmetic import side_after
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Li, Karpathy, Johnson",
    title="CS231n: Convolutional Neural Networks for Visual Recognition",
    venue="Stanford University",
    year=2016,
    identifier="cs231n.github.io/convolutional-networks",
)


@register(
    "prototype",
    paper=PAPER,
    published=Published(params=82_330, macs=9_889_792, image=32, classes=10),
)
class Prototype(nn.Module):
    """CONV RELU CONV RELU POOL, three times, then FC: the smallest network to read.

    Args:
        widths: channels of the three stages.
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights (He).

    Shape: (N, 3, 32, 32) -> (N, K); any square from 8 pixels when built with `image`.
    """

    def __init__(
        self,
        widths: tuple[int, int, int] = (16, 32, 64),
        classes: int = 10,
        channels: int = 3,
        image: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image = image
        w1, w2, w3 = widths
        self.features = stages(
            stage1=_stage(channels, w1),  # 16 x 16 x 16
            stage2=_stage(w1, w2),  # 32 x 8 x 8
            stage3=_stage(w2, w3),  # 64 x 4 x 4
        )
        side = side_after(image, *[(2, 2)] * 3)
        self.head = stages(flatten=nn.Flatten(), fc=nn.Linear(w3 * side**2, classes))
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _stage(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(),
        nn.Conv2d(c_out, c_out, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2, 2),
    )  # fmt: skip
