"""Fully connected auto-encoder of DEC: Xie, Girshick, Farhadi, ICML 2016; see PAPER.

Differences from the paper: none in the network. Its pre-training layer by layer as denoising
auto-encoders is not part of Canon; all layers are trained at once, as by its successors.
"""

from torch import nn

from canon.layers import init, stages
from canon.layers.auto_encoder import AutoEncoder
from canon.registry import Paper, Published, register

PAPER = Paper(
    authors="Xie, Girshick, Farhadi",
    title="Unsupervised Deep Embedding for Clustering Analysis",
    venue="ICML",
    year=2016,
    identifier="arXiv:1511.06335",
)


@register(
    "dec-ae", paper=PAPER, task="reconstruct",
    published=Published(3_330_794, 3_324_000, image=28, channels=1, classes=0),
)  # fmt: skip
class DenseAutoEncoder(AutoEncoder):
    """Four linear layers of d-500-500-2000-10 units, and their mirror (section 4.2).

    Args:
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights, N(0, 0.01) as in the paper.

    Shape: (N, 1, 28, 28) -> (N, 1, 28, 28), by codes (N, 10); any square when built with `image`.
    """

    def __init__(self, channels: int = 1, image: int = 28, seed: int = 0) -> None:
        super().__init__()
        self.image = image
        pixels = channels * image**2
        self.features = stages(
            flatten=nn.Flatten(),
            fc1=nn.Sequential(nn.Linear(pixels, 500), nn.ReLU()),
            fc2=nn.Sequential(nn.Linear(500, 500), nn.ReLU()),
            fc3=nn.Sequential(nn.Linear(500, 2000), nn.ReLU()),
            code=nn.Linear(2000, 10),
        )
        self.decoder = stages(
            decode3=nn.Sequential(nn.Linear(10, 2000), nn.ReLU()),
            decode2=nn.Sequential(nn.Linear(2000, 500), nn.ReLU()),
            decode1=nn.Sequential(nn.Linear(500, 500), nn.ReLU()),
            pixels=nn.Linear(500, pixels),
            image=nn.Unflatten(1, (channels, image, image)),
        )
        self.start(self, seed)

    def start(self, net: nn.Module, seed: int) -> None:
        """N(0, 0.01) (section 4.2)."""
        init.gaussian(net, std=0.01, seed=seed)
