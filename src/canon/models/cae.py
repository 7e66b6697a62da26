"""Fully convolutional auto-encoder: Aljalbout et al., arXiv 2018; see PAPER.

Differences from the paper: none known; it prints no table of the layers. They are those of the
authors' files archs/mnist.json (the second network) and archs/coil.json (the first), whose decoder
network.py derives: transposed convolutions in reverse order, a rectifier where the convolution that
they mirror has one, and one at the output. Batch normalisation follows every layer but the last,
and takes the place of its bias. Images of another side than the paper's change the kernel of the
last convolution only, so that the code keeps its length.
"""

from torch import Tensor, nn

from canon.errors import InputError
from canon.layers import init, stages, taps
from canon.layers.auto_encoder import AutoEncoder
from canon.layers.unpool_decoder import UnpoolStage, decode
from canon.registry import Paper, Published, register
from canon.types import Images

PAPER = Paper(
    authors="Aljalbout, Golkov, Siddiqui, Strobel, Cremers",
    title="Clustering with Deep Learning: Taxonomy and New Methods",
    venue="arXiv",
    year=2018,
    identifier="arXiv:1801.07648",
)


class Mirrored(AutoEncoder):
    """Convolutions with poolings, one for the code, and their mirror."""

    expand: nn.Sequential
    decoder: nn.ModuleDict

    def with_code(self, x: Images) -> tuple[Tensor, Images]:
        """The codes, (N, D), and the reconstructions."""
        maps = taps(self.features, x)
        y = self.expand(maps["code"])
        return maps["code"].flatten(1), decode(self.features, maps, self.decoder, y)


@register(
    "cae", paper=PAPER, task="reconstruct",
    published=Published(320_141, 9_632_000, image=28, channels=1, classes=0),
)  # fmt: skip
class CAE(Mirrored):
    """Two convolutions with poolings and one for the code; the mirror unpools by their switches.

    Args:
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights (Glorot).

    Shape: (N, 1, 28, 28) -> (N, 1, 28, 28), by codes (N, 120); any square from 16 pixels when built
    with `image`.
    """

    def __init__(self, channels: int = 1, image: int = 28, seed: int = 0) -> None:
        super().__init__()
        self.image = image
        side = _last_side(image, 5, 5)
        self.features = stages(
            stage1=_conv(channels, 50, 5),  # 50 x 24 x 24
            pool1=nn.MaxPool2d(2),  # 50 x 12 x 12
            stage2=_conv(50, 50, 5),  # 50 x 8 x 8
            pool2=nn.MaxPool2d(2),  # 50 x 4 x 4
            code=_linear_conv(50, 120, side),  # 120 x 1 x 1
        )
        self.expand = _linear_deconv(120, 50, side)
        self.decoder = nn.ModuleDict({
            "decode2": UnpoolStage("unpool", 50, _deconv(50, 50, 5)),
            "decode1": UnpoolStage("unpool", 50, _output(50, channels, 5)),
        })  # fmt: skip
        init.glorot(self, seed)


@register(
    "cae-coil", paper=PAPER, task="reconstruct",
    published=Published(493_881, 123_865_600, image=128, channels=1, classes=0),
)  # fmt: skip
class CAECoil(Mirrored):
    """The form for the objects of COIL20: four convolutions with poolings, and one for the code.

    The third pooling is undone by repeating its values.

    Args:
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights (Glorot).

    Shape: (N, 1, 128, 128) -> (N, 1, 128, 128), by codes (N, 320); any square from 75 pixels when
    built with `image`.
    """

    def __init__(self, channels: int = 1, image: int = 128, seed: int = 0) -> None:
        super().__init__()
        self.image = image
        side = _last_side(image, 9, 5, 5, 5)
        self.features = stages(
            stage1=_conv(channels, 20, 9),  # 20 x 120 x 120
            pool1=nn.MaxPool2d(2),  # 20 x 60 x 60
            stage2=_conv(20, 20, 5),  # 20 x 56 x 56
            pool2=nn.MaxPool2d(2),  # 20 x 28 x 28
            stage3=_conv(20, 20, 5),  # 20 x 24 x 24
            pool3=nn.MaxPool2d(2, ceil_mode=True),  # 20 x 12 x 12
            stage4=_conv(20, 40, 5),  # 40 x 8 x 8
            pool4=nn.MaxPool2d(2),  # 40 x 4 x 4
            code=_linear_conv(40, 320, side),  # 320 x 1 x 1
        )
        self.expand = _linear_deconv(320, 40, side)
        self.decoder = nn.ModuleDict({
            "decode4": UnpoolStage("unpool", 40, _deconv(40, 20, 5)),
            "decode3": UnpoolStage("nearest", 20, _deconv(20, 20, 5)),
            "decode2": UnpoolStage("unpool", 20, _deconv(20, 20, 5)),
            "decode1": UnpoolStage("unpool", 20, _output(20, channels, 9)),
        })  # fmt: skip
        init.glorot(self, seed)


def _last_side(image: int, *kernels: int) -> int:
    """The side of the map after convolutions that are each pooled, pixels.

    Raises:
        InputError: the image is too small for them.
    """
    side = image
    for level, kernel in enumerate(kernels, 1):
        side = side - kernel + 1
        side = (side + (level == 3)) // 2
        if side < 1:
            raise InputError(
                f"images of {image} pixels are smaller than the convolutions of this network need; "
                "expected larger ones. Pass a larger --image."
            )
    return side


def _conv(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(*_linear_conv(c_in, c_out, kernel), nn.ReLU())


def _linear_conv(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, bias=False), _norm(c_out))


def _deconv(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(*_linear_deconv(c_in, c_out, kernel), nn.ReLU())


def _linear_deconv(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(c_in, c_out, kernel, bias=False), _norm(c_out))


def _output(c_in: int, channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(c_in, channels, kernel), nn.ReLU())


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-4)  # as in Lasagne
