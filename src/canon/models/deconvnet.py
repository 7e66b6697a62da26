"""DeconvNet: Noh, Hong, Han, ICCV 2015; see PAPER.

Differences from the paper: the encoder starts from random weights (He) where the paper takes those
of VGG-16, which `--weights` can supply. Batch normalisation follows every convolution but the last,
as in section 4.1 and the authors' code, which keeps the biases; a deconvolution of stride one is a
transposed convolution with padding. Poolings round up, as Caffe's. Deconvolutions and scores start
from Gaussians, whose 0.01 is from the authors' prototxt.
"""

from itertools import pairwise

from torch import nn

from canon.errors import InputError
from canon.layers import init, stages, taps
from canon.layers.unpool_decoder import UnpoolStage, convs, decode, pool
from canon.options import UpsamplingName
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Noh, Hong, Han",
    title="Learning Deconvolution Network for Semantic Segmentation",
    venue="ICCV",
    year=2015,
    identifier="arXiv:1505.04366",
)


@register(
    "deconvnet", paper=PAPER, task="segment",
    published=Published(251_805_653, 32_745_979_904, image=224, classes=21),
)  # fmt: skip
class DeconvNet(nn.Module):
    """VGG-16 down to one vector, and its mirror of unpoolings and deconvolutions up again.

    Args:
        upsampling: kind of upsampling.
        classes: number of outputs, K.
        channels: of the input.
        seed: of the initial weights: He in the encoder, N(0, 0.01) in the decoder.

    Shape: (N, 3, 224, 224) -> (N, K, 224, 224); any image from 193 x 193 pixels.

    Raises:
        InputError: a smaller one: five poolings leave less than the 7 x 7 of fc6.
    """

    step = 32

    def __init__(
        self,
        upsampling: UpsamplingName = "unpool",
        classes: int = 21,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.features = stages(
            stage1=convs(channels, 64, 64),  # 64 x 224 x 224
            pool1=pool(),  # 64 x 112 x 112
            stage2=convs(64, 128, 128),  # 128 x 112 x 112
            pool2=pool(),  # 128 x 56 x 56
            stage3=convs(128, 256, 256, 256),  # 256 x 56 x 56
            pool3=pool(),  # 256 x 28 x 28
            stage4=convs(256, 512, 512, 512),  # 512 x 28 x 28
            pool4=pool(),  # 512 x 14 x 14
            stage5=convs(512, 512, 512, 512),  # 512 x 14 x 14
            pool5=pool(),  # 512 x 7 x 7
            fc6=_normed(nn.Conv2d(512, 4096, 7)),  # 4096 x 1 x 1
            fc7=_normed(nn.Conv2d(4096, 4096, 1)),  # 4096 x 1 x 1
            deconv_fc6=_normed(nn.ConvTranspose2d(4096, 512, 7)),  # 512 x 7 x 7
        )
        self.decoder = nn.ModuleDict({
            "deconv5": UnpoolStage(upsampling, 512, _deconvs(512, 512, 512, 512)),
            "deconv4": UnpoolStage(upsampling, 512, _deconvs(512, 512, 512, 256)),
            "deconv3": UnpoolStage(upsampling, 256, _deconvs(256, 256, 256, 128)),
            "deconv2": UnpoolStage(upsampling, 128, _deconvs(128, 128, 64)),
            "deconv1": UnpoolStage(upsampling, 64, _deconvs(64, 64, 64)),
        })  # fmt: skip
        self.head = nn.Conv2d(64, classes, 1)
        init.he(self.features, seed)
        deconv_fc6 = self.features.get_submodule("deconv_fc6")
        init.gaussian(nn.ModuleList([deconv_fc6, self.decoder, self.head]), std=0.01, seed=seed)

    def forward(self, x: Images) -> Logits:
        for side in x.shape[-2:]:
            self.output_side(side)
        maps = taps(self.features, x)
        return self.head(decode(self.features, maps, self.decoder, maps["deconv_fc6"]))

    def output_side(self, side: int) -> int:
        """The side of the scores for that of an image, pixels: the same.

        Raises:
            InputError: it is below 193 pixels.
        """
        if side < 193:
            raise InputError(
                f"five poolings of {side} pixels leave less than the 7 x 7 window of fc6; expected "
                "193 or more. Pass --image 224, as in the paper."
            )
        return side


def _normed(*layers: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    parts = ((layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU()) for layer in layers)
    return nn.Sequential(*(part for three in parts for part in three))


def _deconvs(*widths: int) -> nn.Sequential:
    return _normed(*(nn.ConvTranspose2d(a, b, 3, padding=1) for a, b in pairwise(widths)))
