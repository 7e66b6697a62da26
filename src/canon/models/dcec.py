"""Convolutional auto-encoder of DCEC: Guo et al., ICONIP 2017; see PAPER.

Differences from the paper: none known; it leaves padding and initialisation (Glorot) to its
framework, whose "same" padding of 28 pixels is one row before and two after; here it is two on both
sides. As in the authors' ConvAE.py, the third convolution is padded where the side of the image is
divisible by 8. Images of another side than the paper's change the linear layers only.
"""

from torch import nn

from canon.errors import InputError
from canon.layers import init, stages
from canon.layers.auto_encoder import AutoEncoder
from canon.registry import Paper, Published, register

PAPER = Paper(
    authors="Guo, Liu, Zhu, Yin",
    title="Deep Clustering with Convolutional Autoencoders",
    venue="ICONIP",
    year=2017,
    identifier="doi:10.1007/978-3-319-70096-0_39",
)


@register(
    "dcec-ae", paper=PAPER, task="reconstruct",
    published=Published(275_979, 6_681_344, image=28, channels=1, classes=0),
)  # fmt: skip
class ConvAutoEncoder(AutoEncoder):
    """Three strided convolutions and a linear layer for the code, and their mirror (section 4.2).

    Args:
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights (Glorot).

    Shape: (N, 1, 28, 28) -> (N, 1, 28, 28), by codes (N, 10); any square from 9 pixels, and 8, when
    built with `image`.
    """

    def __init__(self, channels: int = 1, image: int = 28, seed: int = 0) -> None:
        super().__init__()
        self.image = image
        half, quarter = -(-image // 2), -(-image // 4)
        padding = 1 if image % 8 == 0 else 0
        last = (quarter + 2 * padding - 3) // 2 + 1
        if quarter + 2 * padding < 3:
            raise InputError(
                f"images of {image} pixels are too small for three strided convolutions; expected "
                "8 or more. Pass a larger --image."
            )
        values = 128 * last**2
        # Figure 1: 32 x 14 x 14, 64 x 7 x 7, 128 x 3 x 3.
        self.features = stages(
            conv1=_conv(channels, 32, 5, 2),
            conv2=_conv(32, 64, 5, 2),
            conv3=_conv(64, 128, 3, padding),
            flatten=nn.Flatten(),
            code=nn.Linear(values, 10),
        )
        self.decoder = stages(
            expand=nn.Sequential(nn.Linear(10, values), nn.ReLU()),
            maps=nn.Unflatten(1, (128, last, last)),
            deconv3=nn.Sequential(_deconv(128, 64, 3, padding, last, quarter), nn.ReLU()),
            deconv2=nn.Sequential(_deconv(64, 32, 5, 2, quarter, half), nn.ReLU()),
            deconv1=_deconv(32, channels, 5, 2, half, image),
        )
        init.glorot(self, seed)


def _conv(c_in: int, c_out: int, kernel: int, padding: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, 2, padding), nn.ReLU())


def _deconv(
    c_in: int, c_out: int, kernel: int, padding: int, side: int, wanted: int
) -> nn.ConvTranspose2d:
    """A transposed convolution with stride 2 from maps of one side to maps of another."""
    missing = wanted - (2 * (side - 1) + kernel - 2 * padding)
    return nn.ConvTranspose2d(c_in, c_out, kernel, 2, padding, output_padding=missing)
