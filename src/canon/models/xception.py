"""Xception: Chollet, CVPR 2017; see PAPER.

Differences from the paper: none. Where it is silent its author's Keras code has an epsilon of 1e-3
in normalisation and pads the pooling from 74 to 37 pixels on one side only; here they are 1e-5 and
both sides. `xception-relu` and `xception-elu` have an activation between the
depthwise and the pointwise convolutions, which section 4.7 compares with having none.
"""

from collections.abc import Callable

from torch import Tensor, nn

from canon.layers import average_head, init, stages
from canon.layers.residual import conv_bn
from canon.layers.separable import SeparableConv
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Chollet",
    title="Xception: Deep Learning with Depthwise Separable Convolutions",
    venue="CVPR",
    year=2017,
    identifier="arXiv:1610.02357",
)

Activation = Callable[[], nn.Module]


class Module(nn.Module):
    """Separable convolutions, each after a rectifier, and a linear shortcut.

    Args:
        layers: the residual branch.
        project: the strided 1 x 1 shortcut, or None for the identity.

    Shape: (N, C_in, H, W) -> (N, C_out, H', W')
    """

    def __init__(self, layers: list[nn.Module], project: nn.Module | None) -> None:
        super().__init__()
        self.branch, self.project = nn.Sequential(*layers), project

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + (x if self.project is None else self.project(x))


@register(
    "xception", paper=PAPER,
    published=Published(
        22_855_952, 8_357_403_496, image=299, layers=36,
        printed_params=Printed(22_855_952, 0, "Table 3"),
        errors=Errors(0.210, 0.055, "ILSVRC-2012 val, one crop, Table 1"),
    ),
)  # fmt: skip
@register(
    "xception-relu", paper=PAPER, between=nn.ReLU,
    published=Published(22_855_952, 8_357_403_496, image=299, layers=36),
)  # fmt: skip
@register(
    "xception-elu", paper=PAPER, between=nn.ELU,
    published=Published(22_855_952, 8_357_403_496, image=299, layers=36),
)  # fmt: skip
class Xception(nn.Module):
    """Figure 5: entry flow, eight times the middle flow, exit flow.

    Args:
        between: the layer between depthwise and pointwise convolutions; none in Xception.
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights (He; the paper names none).

    Shape: (N, 3, 299, 299) -> (N, K); any square from 39 pixels.
    """

    def __init__(
        self,
        between: Activation = nn.Identity,
        classes: int = 1000,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()

        def sep(c_in: int, c_out: int) -> nn.Sequential:
            conv = SeparableConv(c_in, c_out, between=between())
            return nn.Sequential(conv, nn.BatchNorm2d(c_out))

        def halving(c_in: int, middle: int, c_out: int) -> list[nn.Module]:
            pool = nn.MaxPool2d(3, 2, padding=1)
            return [nn.ReLU(), sep(c_in, middle), nn.ReLU(), sep(middle, c_out), pool]

        def middle() -> list[nn.Module]:
            return [part for _ in range(3) for part in (nn.ReLU(), sep(728, 728))]

        self.features = stages(
            conv1=nn.Sequential(_valid(channels, 32, 2), nn.ReLU()),  # 32 x 149 x 149
            conv2=nn.Sequential(_valid(32, 64, 1), nn.ReLU()),  # 64 x 147 x 147
            # The first module follows a rectifier already.
            entry1=Module(halving(64, 128, 128)[1:], conv_bn(64, 128, 1, 2)),  # 128 x 74 x 74
            entry2=Module(halving(128, 256, 256), conv_bn(128, 256, 1, 2)),  # 256 x 37 x 37
            entry3=Module(halving(256, 728, 728), conv_bn(256, 728, 1, 2)),  # 728 x 19 x 19
            middle=nn.Sequential(*[Module(middle(), None) for _ in range(8)]),  # 728 x 19 x 19
            exit1=Module(halving(728, 728, 1024), conv_bn(728, 1024, 1, 2)),  # 1024 x 10 x 10
            exit2=nn.Sequential(sep(1024, 1536), nn.ReLU()),  # 1536 x 10 x 10
            exit3=nn.Sequential(sep(1536, 2048), nn.ReLU()),  # 2048 x 10 x 10
        )
        self.head = average_head(2048, classes, 0.5)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def _valid(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, 3, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))
