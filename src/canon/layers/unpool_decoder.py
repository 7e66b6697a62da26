"""VGG encoders, and decoders that mirror them by unpooling: SegNet and DeconvNet."""

from itertools import pairwise

from torch import Tensor, nn

from canon.layers.upsample import Upsampling
from canon.options import UpsamplingName


def convs(*widths: int, kernel: int = 3, bias: bool = True) -> nn.Sequential:
    """Convolutions from each width to the next, with normalisation and rectifiers."""
    parts: list[nn.Module] = []
    for c_in, c_out in pairwise(widths):
        conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=bias)
        parts += [conv, nn.BatchNorm2d(c_out), nn.ReLU()]
    return nn.Sequential(*parts)


def pool() -> nn.MaxPool2d:
    """2 x 2, rounding up as Caffe does."""
    return nn.MaxPool2d(2, 2, ceil_mode=True)


class UnpoolStage(nn.Module):
    """A stage of such a decoder: a pooling undone, then convolutions.

    Args:
        up: kind of upsampling.
        c_in: channels of the pooled map.
        after: the convolutions.

    Shape: (N, c_in, h, w), (N, c_in, H, W) -> (N, c_out, H, W)
    """

    def __init__(self, up: UpsamplingName, c_in: int, after: nn.Sequential) -> None:
        super().__init__()
        self.up = Upsampling(up, c_in, c_in)
        self.convs = after

    def forward(self, x: Tensor, pooled: Tensor, pooling: nn.MaxPool2d) -> Tensor:
        return self.convs(self.up.undo(x, pooled, pooling))


def decode(
    features: nn.Sequential, maps: dict[str, Tensor], decoder: nn.ModuleDict, y: Tensor
) -> Tensor:
    """A map, enlarged stage by stage to the size of the first stage's.

    Args:
        features: the encoder: `stage1`, `pool1`, `stage2`, and so on.
        maps: the outputs of all its parts.
        decoder: an `UnpoolStage` for each pooling, that of the last pooling first.
        y: the map, as large as that of the last pooling.
    """
    for level, stage in zip(range(len(decoder), 0, -1), decoder.values(), strict=True):
        y = stage(y, maps[f"stage{level}"], features.get_submodule(f"pool{level}"))
    return y
