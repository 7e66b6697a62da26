"""SegNet: Badrinarayanan, Kendall, Cipolla, TPAMI 2017; see PAPER.

Differences from the paper: the dropout of section 4 "at the end of deeper convolutional layers",
which it does not name, is left out, as in the authors' file for SegNet. As in their code, the
convolutions of `segnet` keep their biases under batch normalisation, and poolings round up, so that
45 rows become 23. `segnet-basic` has no biases after convolutions, as section 3.1 says;
`segnet-basic-released` has them, as the authors' segnet_basic_train.prototxt. The paper normalises
the local contrast of the input and gives no constants; both nets have the layer of that file in its
place, Caffe's response normalisation. Table 1 prints 1.425M parameters for SegNet-Basic, which
neither form has. The upsamplings that the paper compares with unpooling are other values of
`upsampling`.
"""

from torch import nn

from canon.layers import caffe_lrn, init, stages, taps
from canon.layers.unpool_decoder import UnpoolStage, convs, decode, pool
from canon.options import UpsamplingName
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Badrinarayanan, Kendall, Cipolla",
    title="SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation",
    venue="TPAMI",
    year=2017,
    identifier="arXiv:1511.00561",
)


@register(
    "segnet", paper=PAPER, task="segment",
    published=Published(29_449_355, 106_712_432_640, image=480, height=360, classes=11),
)  # fmt: skip
class SegNet(nn.Module):
    """The thirteen convolutions of VGG-16, and their mirror, which unpools by their switches.

    Args:
        upsampling: kind of upsampling.
        classes: number of outputs, K.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 360, 480) -> (N, K, 360, 480); any image from 1 x 1 pixels.
    """

    step = 32

    def __init__(
        self,
        upsampling: UpsamplingName = "unpool",
        classes: int = 11,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.features = stages(
            stage1=convs(channels, 64, 64),  # 64 x 360 x 480
            pool1=pool(),  # 64 x 180 x 240
            stage2=convs(64, 128, 128),  # 128 x 180 x 240
            pool2=pool(),  # 128 x 90 x 120
            stage3=convs(128, 256, 256, 256),  # 256 x 90 x 120
            pool3=pool(),  # 256 x 45 x 60
            stage4=convs(256, 512, 512, 512),  # 512 x 45 x 60
            pool4=pool(),  # 512 x 23 x 30
            stage5=convs(512, 512, 512, 512),  # 512 x 23 x 30
            pool5=pool(),  # 512 x 12 x 15
        )
        self.decoder = nn.ModuleDict({
            "decode5": UnpoolStage(upsampling, 512, convs(512, 512, 512, 512)),
            "decode4": UnpoolStage(upsampling, 512, convs(512, 512, 512, 256)),
            "decode3": UnpoolStage(upsampling, 256, convs(256, 256, 256, 128)),
            "decode2": UnpoolStage(upsampling, 128, convs(128, 128, 64)),
            "decode1": UnpoolStage(upsampling, 64, convs(64, 64)),
        })  # fmt: skip
        self.head = nn.Conv2d(64, classes, 3, padding=1)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        maps = taps(self.features, x)
        return self.head(decode(self.features, maps, self.decoder, maps["pool5"]))

    def output_side(self, side: int) -> int:
        """The side of the scores for that of an image, pixels: the same for any image."""
        return side


@register(
    "segnet-basic", paper=PAPER, task="segment",
    published=Published(1_416_075, 59_188_838_400, image=480, height=360, classes=11),
)  # fmt: skip
@register(
    "segnet-basic-released", paper=PAPER, task="segment", bias=True,
    published=Published(1_416_587, 59_188_838_400, image=480, height=360, classes=11),
)  # fmt: skip
class SegNetBasic(nn.Module):
    """Four convolutions of 7 x 7 and 64 channels, and four more without rectifiers to decode.

    Args:
        bias: whether convolutions have biases.
        upsampling: kind of upsampling.
        classes: number of outputs, K.
        channels: of the input.
        seed: of the initial weights (He).

    Shape: (N, 3, 360, 480) -> (N, K, 360, 480); any image from 1 x 1 pixels.
    """

    step = 16

    def __init__(
        self,
        bias: bool = False,
        upsampling: UpsamplingName = "unpool",
        classes: int = 11,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.features = stages(
            norm=caffe_lrn(),  # 3 x 360 x 480
            stage1=convs(channels, 64, kernel=7, bias=bias),  # 64 x 360 x 480
            pool1=pool(),  # 64 x 180 x 240
            stage2=convs(64, 64, kernel=7, bias=bias),  # 64 x 180 x 240
            pool2=pool(),  # 64 x 90 x 120
            stage3=convs(64, 64, kernel=7, bias=bias),  # 64 x 90 x 120
            pool3=pool(),  # 64 x 45 x 60
            stage4=convs(64, 64, kernel=7, bias=bias),  # 64 x 45 x 60
            pool4=pool(),  # 64 x 23 x 30
        )
        self.decoder = nn.ModuleDict({
            f"decode{i}": UnpoolStage(upsampling, 64, _linear_conv(bias)) for i in (4, 3, 2, 1)
        })  # fmt: skip
        self.head = nn.Conv2d(64, classes, 1)
        init.he(self, seed)

    def forward(self, x: Images) -> Logits:
        maps = taps(self.features, x)
        return self.head(decode(self.features, maps, self.decoder, maps["pool4"]))

    def output_side(self, side: int) -> int:
        """The side of the scores for that of an image, pixels: the same for any image."""
        return side


def _linear_conv(bias: bool) -> nn.Sequential:
    """A convolution of the decoder, without a rectifier."""
    return nn.Sequential(nn.Conv2d(64, 64, 7, padding=3, bias=bias), nn.BatchNorm2d(64))
