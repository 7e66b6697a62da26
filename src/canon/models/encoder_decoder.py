"""Encoder-decoder on any classifier: Ronneberger, Fischer, Brox, MICCAI 2015; see PAPER.

The expansive path of that paper's U-Net over the stages of any registered classifier.

Differences from the paper: this is not the network of a paper. A classifier takes the place of the
contracting path, so that training can start from published weights; convolutions are padded and
normalised; maps that do not double evenly are cropped, or their edge is repeated, to the size of
the skip. Layout and widths are those of segmentation libraries: with `resnet34` and nearest
upsampling, parameter for parameter.
"""

from itertools import pairwise, zip_longest
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.errors import InputError
from canon.layers import init, stages, taps
from canon.layers.residual import conv_bn
from canon.layers.upsample import Upsampling
from canon.models.unet import PAPER
from canon.options import UpsamplingName
from canon.registry import Published, build, model_info, names, register, smallest_image, too_small
from canon.types import Images, Logits

MORE = 320  # pixels, a multiple of every network's strides
Size = tuple[int, int]  # height and width


class Join(nn.Module):
    """A map enlarged to a size, joined with a skip if there is one, and convolved twice.

    Args:
        c_in: channels of the map.
        c_skip: channels of the skip; 0 where there is none.
        c_out: channels of the result.
        upsampling: kind of upsampling.
        factor: of the sides.

    Shape: (N, c_in, h, w), (H, W), (N, c_skip, H, W) -> (N, c_out, H, W)
    """

    def __init__(
        self, c_in: int, c_skip: int, c_out: int, upsampling: UpsamplingName, factor: int
    ) -> None:
        super().__init__()
        self.up = Upsampling(upsampling, c_in, c_in, factor)
        self.convs = nn.Sequential(
            conv_bn(c_in + c_skip, c_out, 3), nn.ReLU(), conv_bn(c_out, c_out, 3), nn.ReLU()
        )

    def forward(self, x: Images, size: Size, skip: Images | None) -> Images:
        y = _sized(self.up(x), size)
        return self.convs(y if skip is None else torch.cat([y, skip], 1))


def _size(x: Tensor) -> Size:
    return x.shape[-2], x.shape[-1]


def _sized(y: Tensor, size: Size) -> Tensor:
    """A map cropped at its lower and right end to a size, or padded with its edge on all sides.

    Enlarging adds pixels at the end; convolutions without padding remove them on all sides.
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
    """The stages of a classifier, and a U-Net's expansive path with the last of each size as skips.

    Args:
        backbone: the classifier's name.
        width: channels at the size of the image; twice as many a level below.
        upsampling: kind of upsampling.
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
        upsampling: UpsamplingName = "bilinear",
        classes: int = 2,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if model_info(backbone).dense:
            raise InputError(
                f"{backbone} is not a classifier; expected one, such as "
                f"{', '.join(names('classify')[:3])}. Pass --backbone NAME."
            )
        if upsampling == "unpool":
            raise InputError(
                "unpooling needs the switches of a pooling, which a backbone's stages do not give; "
                "expected another upsampling. Pass --upsampling bilinear."
            )
        self.backbone = backbone
        features = build(backbone, classes=1, channels=channels, seed=seed).features
        assert isinstance(features, nn.Sequential)
        self.features = features
        self.skips, widths, factors = _levels(backbone, channels)
        self.step = prod(factors)
        outputs = [width * 2**level for level in reversed(range(len(factors)))]
        inputs, skips = [widths[0], *outputs], [*widths[1:], 0]  # the last step may have no skip
        self.decoder = stages(**{
            f"level{i}": Join(inputs[i], skips[i], outputs[i], upsampling, factor)
            for i, factor in enumerate(factors)
        })  # fmt: skip
        self.head = nn.Conv2d(outputs[-1], classes, 3, padding=1)
        init.he(self.decoder, seed)
        init.he(self.head, seed)

    def forward(self, x: Images) -> Logits:
        maps = taps(self.features, x)
        y, *finer = (maps[name] for name in self.skips)
        for join, skip in zip_longest(self.decoder, finer):
            y = join(y, _size(x if skip is None else skip), skip)
        return _sized(self.head(y), _size(x))

    def output_side(self, side: int) -> int:
        """The side of the scores for that of an image, pixels: the same.

        Raises:
            InputError: the image is too small for the stages of the backbone.
        """
        model = model_info(self.backbone)
        if side < model.published.image and (stage := too_small(model, side)):
            raise InputError(
                f"{side} x {side} images are too small for {self.backbone}: {stage} needs larger "
                f"maps. Expected {smallest_image(self.backbone)} pixels per side or more. Pass "
                f"--image {model.published.image}, or another --backbone."
            )
        return side


def _levels(backbone: str, channels: int) -> tuple[list[str], list[int], list[int]]:
    """The last stage of each size, the smallest first: names, channels, factors to the next.

    The size of a stage is its jump, the pixels from one value to the next. It follows from how many
    more values a larger image has. A stage with a jump of one is the last skip; without such a
    stage, the last step has no skip.
    """
    image = model_info(backbone).published.image
    with torch.device("meta"):
        features = build(backbone, classes=1, channels=channels).eval().get_submodule("features")
        assert isinstance(features, nn.Sequential)
        small, large = (
            taps(features, torch.empty(1, channels, side, side)) for side in (image, image + MORE)
        )
    jumps = {name: MORE // (large[name].shape[-1] - y.shape[-1]) for name, y in small.items()}
    last = {jump: name for name, jump in jumps.items()}
    order = sorted(last, reverse=True)
    ends = order if order[-1] == 1 else [*order, 1]
    factors = [a // b for a, b in pairwise(ends)]
    return [last[jump] for jump in order], [small[last[jump]].shape[1] for jump in order], factors
