"""FCN-32s, 16s, 8s: Long, Shelhamer, Darrell, CVPR 2015; see PAPER.

Section 4.3: the last upsampling is fixed to bilinear interpolation, intermediate ones start as
bilinear and are learned, with one kernel per class, as the authors' FAQ says. The `-released` nets
are those of the authors' models, in which no upsampling is learned. (`FCN-32s-fixed` of Table 2 is
another thing: a network whose last layer alone is trained.)

Differences from the paper: it leaves sizes at the border open. As in the authors' code, the first
convolution is padded by 100 pixels, poolings round up, and scores are cropped to where they lie in
the image: the offsets 5, 9, 19, 27 and 31 of that code follow from the windows (`Grid`). Weights
start as Glorot's, to be replaced by those of a classifier (`--weights`), without which the paper
does not train. `fcn8s-at-once` is the authors' network that scales the skips by 0.01 and 0.0001, to
be trained in one stage. `fcn32s-alexnet` is CaffeNet, as footnote 3 says: it pools before it
normalises. `fcn32s-googlenet` was never released: it scores the last module, without auxiliary
heads; the padding of 100 pixels and the kernel of 63 x 63 are taken from the AlexNet form. Its
field is 715 pixels; Table 1 prints 907, which includes the 7 x 7 pooling that the text discards.
"""

from collections.abc import Callable

import torch
from torch import nn

from canon.layers import caffe_lrn, init, stages, taps
from canon.layers.feature_grid import Grid
from canon.layers.inception import conv_relu
from canon.layers.upsample import Crop, Upsampling, init_bilinear
from canon.models.alexnet import conv
from canon.models.googlenet import GoogLeNet, Parts
from canon.options import UpsamplingName
from canon.registry import Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Long, Shelhamer, Darrell",
    title="Fully Convolutional Networks for Semantic Segmentation",
    venue="CVPR",
    year=2015,
    identifier="arXiv:1411.4038",
)

FRAME = 100  # pixels around the image, so that the smallest one gives a score
Trunk = tuple[nn.Sequential, nn.Sequential, int]  # features, head before the scores, its channels


def vgg16(channels: int) -> Trunk:
    """VGG's column D, its linear layers as convolutions."""
    features = stages(
        stage1=_stage(channels, 64, 2, FRAME),  # 64 x 349 x 349
        stage2=_stage(64, 128, 2),  # 128 x 175 x 175
        stage3=_stage(128, 256, 3),  # 256 x 88 x 88
        stage4=_stage(256, 512, 3),  # 512 x 44 x 44
        stage5=_stage(512, 512, 3),  # 512 x 22 x 22
    )
    return features, _linear(512, 7), 4096


def alexnet(channels: int) -> Trunk:
    """CaffeNet, its linear layers as convolutions."""
    features = stages(
        conv1=conv(channels, 96, 11, stride=4, padding=FRAME),  # 96 x 173 x 173
        pool1=_pool(3),  # 96 x 86 x 86
        norm1=caffe_lrn(),  # 96 x 86 x 86
        conv2=conv(96, 256, 5, padding=2, groups=2),  # 256 x 86 x 86
        pool2=_pool(3),  # 256 x 43 x 43
        norm2=caffe_lrn(),  # 256 x 43 x 43
        conv3=conv(256, 384, 3, padding=1),  # 384 x 43 x 43
        conv4=conv(384, 384, 3, padding=1, groups=2),  # 384 x 43 x 43
        conv5=conv(384, 256, 3, padding=1, groups=2),  # 256 x 43 x 43
        pool5=_pool(3),  # 256 x 21 x 21
    )
    return features, _linear(256, 6), 4096


def googlenet(channels: int) -> Trunk:
    """GoogLeNet up to its last module."""
    net = GoogLeNet(Parts(padding1=FRAME), classes=1, channels=channels)
    return net.features, stages(drop=nn.Dropout(0.4)), 1024


def _pool(kernel: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)


def _stage(c_in: int, c_out: int, depth: int, padding: int = 1) -> nn.Sequential:
    """A stage of VGG; `padding` is that of its first convolution."""
    first = conv_relu(c_in, c_out, 3, 1, padding)
    others = (part for _ in range(depth - 1) for part in conv_relu(c_out, c_out, 3))
    return nn.Sequential(*first, *others, _pool(2))


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
        upsampling: kind of upsampling.
        scale: of the finer map, for training at once.

    Shape: (N, K, h, w), (N, c_in, H, W) -> (N, K, 2h + 2, 2w + 2)
    """

    def __init__(self, c_in: int, classes: int, upsampling: UpsamplingName, scale: float) -> None:
        super().__init__()
        self.up = Upsampling(upsampling, classes, classes, 2, 4, bias=False)
        self.score = nn.Conv2d(c_in, classes, 1)
        self.scale, self.crop = scale, Crop()

    def forward(self, coarse: Logits, fine: Images) -> Logits:
        y = self.up(coarse)
        return y + self.crop(self.score(self.scale * fine), y)


Skips = tuple[tuple[str, int, float], ...]  # stage, channels, scale; the coarsest first
POOL4, POOL3 = ("stage4", 512, 1.0), ("stage3", 256, 1.0)
AT_ONCE = (("stage4", 512, 0.01), ("stage3", 256, 0.0001))


@register(
    "fcn32s-alexnet", paper=PAPER, task="segment", trunk=alexnet, kernel=63,
    published=Published(
        56_954_261, 20_997_741_088, image=500, layers=8, classes=21,
        printed_params=Printed(57e6, 0.5e6, "Table 1"),
    ),
)  # fmt: skip
@register(
    "fcn32s-googlenet", paper=PAPER, task="segment", trunk=googlenet, kernel=63,
    published=Published(
        5_995_077, 14_973_248_365, image=500, layers=22, classes=21,
        printed_params=Printed(6e6, 0.5e6, "Table 1"),
    ),
)  # fmt: skip
class FCN(nn.Module):
    """A classifier's features, scores at each place, and these enlarged to the image's size.

    Args:
        trunk: makes the features, and the convolutions in place of linear layers.
        skips: finer maps whose scores are added, the coarsest first.
        upsampling: kind of upsampling, such as `transposed`, `channelwise` or `bilinear`.
        learned: whether training changes the intermediate upsampling; the last is fixed.
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
        upsampling: UpsamplingName = "channelwise",
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
            f"score_{name.replace('stage', 'pool')}": Fusion(c, classes, upsampling, scale)
            for name, c, scale in skips
        })  # fmt: skip
        self.skips = [name for name, _, _ in skips]
        self.step = 32
        factor = self.step >> len(skips)
        self.upscore = Upsampling(
            upsampling, classes, classes, factor, kernel or 2 * factor, bias=False
        )
        self.crop = Crop()
        self._align()
        self._initialise(learned, seed)

    def fusions(self) -> list[tuple[str, Fusion]]:
        """The stages whose maps are added, each with its fusion; the coarsest first."""
        fusions = [part for part in self.decoder if isinstance(part, Fusion)]
        return list(zip(self.skips, fusions, strict=True))

    def _align(self) -> None:
        """Crop each map to begin where the coarser one does, and the last where the image does."""
        ends, grid = {}, Grid()
        for name, part in self.features.named_children():
            ends[name] = grid = grid.through(part)
        grid = grid.through(self.head)
        for name, fusion in self.fusions():
            grid = grid.enlarged(fusion.up.kernel, 2)
            fusion.crop.offset = ends[name].offset(grid)
        self.crop.offset = grid.enlarged(self.upscore.kernel, self.upscore.factor).offset(Grid())

    @torch.no_grad()
    def _initialise(self, learned: bool, seed: int) -> None:
        init.glorot(self, seed)
        fusions = [fusion for _, fusion in self.fusions()]
        init_bilinear(self.upscore, learned=False)
        for fusion in fusions:
            init_bilinear(fusion.up, learned)
        for score in (self.score, *(fusion.score for fusion in fusions)):
            score.weight.zero_()  # the biases are zero already

    def forward(self, x: Images) -> Logits:
        maps = taps(self.features, x)
        y = self.score(self.head(maps[next(reversed(maps))]))
        for name, fusion in self.fusions():
            y = fusion(y, maps[name])
        return self.crop(self.upscore(y), x)

    def output_side(self, side: int) -> int:
        """The side of the scores for that of an image, pixels: the same for any image."""
        return side


# Skips, whether intermediate upsampling is learned, parameters, multiply-accumulates.
# fmt: off
TABLE: tuple[tuple[str, Skips, bool, int, int], ...] = (
    ("fcn32s",          (),             True,  134_346_581, 180_925_453_056),
    ("fcn16s",          (POOL4,),       True,  134_357_690, 180_949_193_472),
    ("fcn8s",           (POOL4, POOL3), True,  134_363_423, 180_992_697_408),
    ("fcn16s-released", (POOL4,),       False, 134_357_354, 180_949_193_472),
    ("fcn8s-released",  (POOL4, POOL3), False, 134_362_751, 180_992_697_408),
    ("fcn8s-at-once",   AT_ONCE,        False, 134_362_751, 180_992_697_408),
)
# fmt: on

for name, skips, learned, params, macs in TABLE:
    printed = None if skips else Printed(134e6, 0.5e6, "Table 1")
    layers = None if skips else 16
    published = Published(
        params, macs, image=500, classes=21, layers=layers, printed_params=printed
    )
    register(name, paper=PAPER, task="segment", skips=skips, learned=learned, published=published)(
        FCN
    )
