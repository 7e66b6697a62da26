"""An encoder-decoder on a classifier: the expansive path of Ronneberger, Fischer, Brox, "U-Net:
Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015, arXiv:1505.04597, over the
stages of any registered network.

Differences from the paper: this is no paper's network. A classifier takes the place of the
contracting path, so that published weights can be started from; convolutions are padded and
normalised; maps that do not come out even are cut, or their edge repeated, to the size of the skip.
Layout and widths are those that libraries of segmentation use: with `resnet34` and nearest
upsampling, parameter for parameter.
"""  # noqa: D205

from itertools import pairwise
from math import prod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.errors import InputError
from canon.layers import init, stages, taps
from canon.layers.residual import conv_bn
from canon.layers.upsample import Upsampling
from canon.models.unet import PAPER
from canon.registry import Published, build, model_info, names, register, smallest_image, too_small
from canon.types import Images, Logits

MORE = 320  # pixels, a multiple of every network's strides


class Join(nn.Module):
    """A map enlarged to the size of a skip, joined with it, and convolved twice.

    Args:
        c_in: channels of the map.
        c_skip: channels of the skip; 0 where there is none.
        c_out: channels of the result.
        up: kind of upsampling.
        factor: of the sides.

    Shape: (N, c_in, h, w), (N, c_skip, H, W) -> (N, c_out, H, W)
    """

    def __init__(self, c_in: int, c_skip: int, c_out: int, up: str, factor: int) -> None:
        super().__init__()
        self.up = Upsampling(up, c_in, c_in, factor)
        self.convs = nn.Sequential(
            conv_bn(c_in + c_skip, c_out, 3, 1), nn.ReLU(), conv_bn(c_out, c_out, 3, 1), nn.ReLU()
        )

    def forward(self, x: Images, skip: Images) -> Images:
        y = _sized(self.up(x), (skip.shape[-2], skip.shape[-1]))
        return self.convs(torch.cat([y, skip], 1) if skip.shape[1] else y)


def _sized(y: Tensor, size: tuple[int, int]) -> Tensor:
    """A map cut at its lower and right end to a size, or with its edge repeated up to it.

    Where enlarging gives too much, that is at the end; where convolutions without padding took
    pixels off, they did so all around.
    """
    down, right = (max(0, want - have) for want, have in zip(size, y.shape[-2:], strict=True))
    frame = (right // 2, right - right // 2, down // 2, down - down // 2)
    y = F.pad(y, frame, mode="replicate") if down or right else y
    return y[..., : size[0], : size[1]]


@register(
    "encoder-decoder", paper=PAPER, task="segment",
    published=Published(24_436_514, 5_989_810_176, image=224, classes=2),
)  # fmt: skip
class EncoderDecoder(nn.Module):
    """A registered classifier's stages, and a U-Net's way up through the last of each size.

    Args:
        backbone: the classifier's name.
        width: channels at the size of the image; twice as many a level below.
        up: kind of upsampling.
        classes: number of outputs, K.
        channels: of the input.
        seed: of the initial weights.

    Shape: (N, 3, 224, 224) -> (N, K, 224, 224); any image from 32 x 32 pixels that the classifier's
    stages take.

    Raises:
        InputError: the backbone is no classifier.
    """

    def __init__(
        self,
        backbone: str = "resnet34",
        width: int = 16,
        up: str = "bilinear",
        classes: int = 2,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if model_info(backbone).task != "classify":
            some = ", ".join(names("classify")[:3])
            raise InputError(
                f"{backbone} is no classifier; expected one, such as {some}. Pass --backbone NAME."
            )
        if up == "unpool":
            raise InputError(
                "unpooling needs the switches of a pooling, which a backbone's stages do not give; "
                "expected another upsampling. Pass --up bilinear."
            )
        self.backbone = backbone
        net = build(backbone, classes=1, channels=channels, seed=seed)
        self.features = cast(nn.Sequential, net.get_submodule("features"))
        self.skips, widths, factors = _levels(backbone, channels)
        self.step = prod(factors)
        narrow = [width * 2**level for level in range(len(factors))][::-1]
        steps = zip(
            pairwise([widths[0], *narrow]), [*widths[1:], 0][: len(factors)], factors, strict=True
        )
        self.decoder = stages(**{
            f"level{i}": Join(c_in, c_skip, c_out, up, factor)
            for i, ((c_in, c_out), c_skip, factor) in enumerate(steps)
        })  # fmt: skip
        self.head = nn.Conv2d(narrow[-1], classes, 3, padding=1)
        init.he(self.decoder, seed)
        init.he(self.head, seed)

    def forward(self, x: Images) -> Logits:
        maps = taps(self.features, x)
        deepest, *finer = (maps[name] for name in self.skips)
        for join, skip in zip(self.decoder, [*finer, x[:, :0]], strict=False):
            deepest = join(deepest, skip)
        return _sized(self.head(deepest), (x.shape[-2], x.shape[-1]))

    def output_side(self, side: int) -> int:
        """The side of the scores for an image's, pixels: the same.

        Raises:
            InputError: the backbone's stages run out of pixels.
        """
        known = model_info(self.backbone)
        if side < known.published.image and (stage := too_small(known, side)):
            raise InputError(
                f"{self.backbone} runs out of pixels in {stage} when images are {side} x {side}; "
                f"expected {smallest_image(self.backbone)} or more. Pass --image "
                f"{known.published.image}, or another --backbone."
            )
        return side


def _levels(backbone: str, channels: int) -> tuple[list[str], list[int], list[int]]:
    """The last stage of each size, the smallest first: names, channels, factors to the next.

    Sizes are told apart by the pixels from one value to the next: how many more values there are
    in a larger image. A stage with a value for each pixel is the last skip; else there is a last
    step without one.
    """
    image = model_info(backbone).published.image
    with torch.device("meta"):
        features = build(backbone, classes=1, channels=channels).eval().get_submodule("features")
        assert isinstance(features, nn.Sequential)
        here, there = (
            taps(features, torch.empty(1, channels, side, side)) for side in (image, image + MORE)
        )
    jumps = {name: MORE // (there[name].shape[-1] - y.shape[-1]) for name, y in here.items()}
    last = {jump: name for name, jump in jumps.items()}
    order = sorted(last, reverse=True)
    names_ = [last[jump] for jump in order]
    ends = order if order[-1] == 1 else [*order, 1]
    return names_, [here[name].shape[1] for name in names_], [a // b for a, b in pairwise(ends)]
