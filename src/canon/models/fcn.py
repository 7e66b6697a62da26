"""FCN-32s, 16s, 8s: Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic
Segmentation", CVPR 2015, arXiv:1411.4038.

Differences from the paper: none in the function of the VGG-16 nets. As in the authors' code, the
first convolution is padded by 100 pixels, poolings round up, and scores are cropped where the map
and the image lie on each other: the offsets 5, 9, 19, 27 and 31 of that code follow from the
windows (`Grid`). Upsampling starts as bilinear interpolation and is learned, by a dense kernel;
the `-fixed` forms keep it, as the released models do, and the `-channelwise` ones have a kernel a
class. `fcn8s-at-once` scales the skips by 0.01 and 0.0001, to be trained in one stage.
`fcn32s-alexnet` normalises before it pools, as AlexNet's paper, where the released one pools first.
`fcn32s-googlenet` was never released: its scores stand on the last module, without auxiliary heads;
the frame of 100 pixels and the upsampling by a 63 x 63 kernel are taken from the AlexNet form.
"""  # noqa: D205

from collections.abc import Callable

import torch
from torch import nn

from canon.layers import init, stages, taps
from canon.layers.feature_grid import Grid
from canon.layers.upsample import Crop, Upsampling, init_bilinear
from canon.models.alexnet import AlexNet
from canon.models.googlenet import GoogLeNet
from canon.models.vgg import stage
from canon.registry import Paper, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Long, Shelhamer, Darrell",
    title="Fully Convolutional Networks for Semantic Segmentation",
    venue="CVPR",
    year=2015,
    identifier="arXiv:1411.4038",
)

Trunk = tuple[nn.Sequential, nn.Sequential, int]  # features, head before the scores, its channels


def vgg16(channels: int) -> Trunk:
    """Column D, its linear layers as convolutions."""
    features = stages(
        stage1=stage(channels, 64, 2),  # 64 x 349 x 349
        stage2=stage(64, 128, 2),  # 128 x 175 x 175
        stage3=stage(128, 256, 3),  # 256 x 88 x 88
        stage4=stage(256, 512, 3),  # 512 x 44 x 44
        stage5=stage(512, 512, 3),  # 512 x 22 x 22
    )
    return _framed(features), _linear(512, 7), 4096


def alexnet(channels: int) -> Trunk:
    """AlexNet, its linear layers as convolutions."""
    with torch.device("meta"):  # without memory for the linear layers that are not used
        features = AlexNet(1, channels).features
    return _framed(features.to_empty(device=torch.get_default_device())), _linear(256, 6), 4096


def googlenet(channels: int) -> Trunk:
    """GoogLeNet up to its last module."""
    features = GoogLeNet(classes=1, channels=channels).features
    return _framed(features), stages(drop=nn.Dropout(0.4)), 1024


def _framed(features: nn.Sequential) -> nn.Sequential:
    """A hundred pixels around the image, so that the smallest one gives a score; Caffe's sizes."""
    first = next(layer for layer in features.modules() if isinstance(layer, nn.Conv2d))
    first.padding = (100, 100)
    for layer in features.modules():
        if isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = True
    return features


def _linear(c_in: int, kernel: int) -> nn.Sequential:
    return stages(
        fc6=nn.Sequential(nn.Conv2d(c_in, 4096, kernel), nn.ReLU(), nn.Dropout(0.5)),
        fc7=nn.Sequential(nn.Conv2d(4096, 4096, 1), nn.ReLU(), nn.Dropout(0.5)),
    )


class Fusion(nn.Module):
    """Coarse scores enlarged by two, plus those of a finer map.

    Args:
        c_in: channels of the finer map.
        classes: K.
        up: kind of upsampling.
        scale: of the finer map, for training at once.

    Shape: (N, K, h, w), (N, c_in, H, W) -> (N, K, 2h + 2, 2w + 2)
    """

    def __init__(self, c_in: int, classes: int, up: str, scale: float) -> None:
        super().__init__()
        self.up = Upsampling(up, classes, classes, 2, 4, bias=False)
        self.score = nn.Conv2d(c_in, classes, 1)
        self.scale, self.crop = scale, Crop()

    def forward(self, coarse: Logits, fine: Images) -> Logits:
        y = self.up(coarse)
        return y + self.crop(self.score(self.scale * fine), y)


Skips = tuple[tuple[str, int, float], ...]  # stage, channels, scale; the coarsest first
POOL4, POOL3 = ("stage4", 512, 1.0), ("stage3", 256, 1.0)
AT_ONCE = (("stage4", 512, 0.01), ("stage3", 256, 0.0001))


def _voc(params: int, macs: int) -> Published:
    return Published(params, macs, image=500, classes=21)


_32 = _voc(136_152_917, 181_365_854_976)
_16 = _voc(134_815_994, 181_448_086_272)
_8 = _voc(134_489_759, 181_529_034_048)
_32_EACH = _voc(134_432_597, 180_925_453_056)
_16_EACH = _voc(134_379_194, 180_949_193_472)
_8_EACH = _voc(134_368_799, 180_992_697_408)
_32_FIXED = _voc(134_346_581, _32_EACH.macs)
_16_FIXED = _voc(134_357_354, _16_EACH.macs)
_8_FIXED = _voc(134_362_751, _8_EACH.macs)
_ALEX = _voc(58_704_590, 21_424_487_968)
_GOOGLE = _voc(7_745_406, 15_708_386_545)


@register("fcn32s", paper=PAPER, task="segment", published=_32)
@register("fcn16s", paper=PAPER, task="segment", skips=(POOL4,), published=_16)
@register("fcn8s", paper=PAPER, task="segment", skips=(POOL4, POOL3), published=_8)
@register("fcn8s-at-once", paper=PAPER, task="segment", skips=AT_ONCE, published=_8)
@register("fcn32s-channelwise", paper=PAPER, task="segment", up="channelwise", published=_32_EACH)
@register("fcn16s-channelwise", paper=PAPER, task="segment", up="channelwise", skips=(POOL4,),
          published=_16_EACH)  # fmt: skip
@register("fcn8s-channelwise", paper=PAPER, task="segment", up="channelwise",
          skips=(POOL4, POOL3), published=_8_EACH)  # fmt: skip
@register("fcn32s-fixed", paper=PAPER, task="segment", up="channelwise", learned=False,
          published=_32_FIXED)  # fmt: skip
@register("fcn16s-fixed", paper=PAPER, task="segment", up="channelwise", learned=False,
          skips=(POOL4,), published=_16_FIXED)  # fmt: skip
@register("fcn8s-fixed", paper=PAPER, task="segment", up="channelwise", learned=False,
          skips=(POOL4, POOL3), published=_8_FIXED)  # fmt: skip
@register("fcn32s-alexnet", paper=PAPER, task="segment", trunk=alexnet, kernel=63, published=_ALEX)
@register("fcn32s-googlenet", paper=PAPER, task="segment", trunk=googlenet, kernel=63,
          published=_GOOGLE)  # fmt: skip
class FCN(nn.Module):
    """A classifier's features, scores at each place, and these enlarged to the image's size.

    Args:
        trunk: makes the features and the convolutions that were linear layers.
        skips: finer maps whose scores are added, the coarsest first.
        up: kind of upsampling, such as `transposed`, `channelwise` or `bilinear`.
        learned: whether training changes the upsampling.
        kernel: of the last upsampling; None means twice its factor.
        classes: number of outputs, K.
        channels: of the input.
        seed: of the initial weights; scores start at zero, upsampling as interpolation.

    Shape: (N, 3, 500, 500) -> (N, K, 500, 500); any image from 1 x 1 pixels.
    """

    def __init__(
        self,
        trunk: Callable[[int], Trunk] = vgg16,
        skips: Skips = (),
        up: str = "transposed",
        learned: bool = True,
        kernel: int | None = None,
        classes: int = 21,
        channels: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.features, self.head, width = trunk(channels)
        self.score = nn.Conv2d(width, classes, 1)
        self.decoder = stages(**{
            f"score_{name.replace('stage', 'pool')}": Fusion(c, classes, up, scale)
            for name, c, scale in skips
        })  # fmt: skip
        self.skips = [name for name, _, _ in skips]
        self.step = 32
        factor = self.step >> len(skips)
        self.upscore = Upsampling(up, classes, classes, factor, kernel or 2 * factor, bias=False)
        self.crop = Crop()
        self._align()
        self._initialise(learned, seed)

    def _align(self) -> None:
        """Crop each map where the coarser one begins, and the last where the image does."""
        ends, grid = {}, Grid()
        for name, part in self.features.named_children():
            ends[name] = grid = grid.through(part)
        grid = grid.through(self.head)
        for name, fusion in zip(self.skips, self.decoder, strict=True):
            assert isinstance(fusion, Fusion)
            grid = grid.enlarged(fusion.up.kernel, 2)
            fusion.crop.offset = ends[name].offset(grid)
        self.crop.offset = grid.enlarged(self.upscore.kernel, self.upscore.factor).offset(Grid())

    @torch.no_grad()
    def _initialise(self, learned: bool, seed: int) -> None:
        init.glorot(self, seed)
        for layer in self.modules():
            if isinstance(layer, Upsampling):
                init_bilinear(layer, learned)
        for name, p in self.named_parameters():
            if "score." in name and "upscore" not in name:
                p.zero_()

    def forward(self, x: Images) -> Logits:
        maps = taps(self.features, x)
        y = self.score(self.head(maps[next(reversed(maps))]))
        for name, fusion in zip(self.skips, self.decoder, strict=True):
            y = fusion(y, maps[name])
        return self.crop(self.upscore(y), x)

    def output_side(self, side: int) -> int:
        """The side of the scores for an image's, pixels: the same, whatever it is."""
        return side
