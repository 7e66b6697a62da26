"""Fully connected auto-encoder of IDEC: Guo et al., IJCAI 2017; see PAPER.

Differences from the paper: none. It is the network of DEC; trained at once instead of layer by
layer, it starts from uniform weights of variance 1/(3 fan_in), as in the authors' IDEC.py.
"""

from torch import nn

from canon.layers import init
from canon.models.dec import DenseAutoEncoder
from canon.registry import Paper, Published, register

PAPER = Paper(
    authors="Guo, Gao, Liu, Yin",
    title="Improved Deep Embedded Clustering with Local Structure Preservation",
    venue="IJCAI",
    year=2017,
    identifier="doi:10.24963/ijcai.2017/243",
)


@register(
    "idec-ae", paper=PAPER, task="reconstruct",
    published=Published(3_330_794, 3_324_000, image=28, channels=1, classes=0),
)  # fmt: skip
class IDECAutoEncoder(DenseAutoEncoder):
    """Four linear layers of d-500-500-2000-10 units, and their mirror (section 4.2).

    Args:
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights.

    Shape: (N, 1, 28, 28) -> (N, 1, 28, 28), by codes (N, 10); any square when built with `image`.
    """

    def start(self, net: nn.Module, seed: int) -> None:
        """U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
        init.uniform(net, seed)
