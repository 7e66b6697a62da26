"""VGG encoders, and decoders that mirror them by unpooling: SegNet and DeconvNet."""

from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from canon.layers.upsample import Upsampling


def convs(*widths: int, kernel: int = 3, relu: bool = True) -> nn.Sequential:
    """Convolutions from each width to the next, with biases, normalisation and rectifiers."""
    parts: list[nn.Module] = []
    for c_in, c_out in pairwise(widths):
        conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2)
        parts += [conv, nn.BatchNorm2d(c_out), *[nn.ReLU()] * relu]
    return nn.Sequential(*parts)


def pool() -> nn.MaxPool2d:
    """2 x 2, rounding up as Caffe does."""
    return nn.MaxPool2d(2, 2, ceil_mode=True)


class UnpoolStage(nn.Module):
    """A stage of such a decoder: its pooling undone, and its convolutions.

    Args:
        up: kind of upsampling.
        c_in: channels that were pooled.
        after: what follows.
    """

    def __init__(self, up: str, c_in: int, after: nn.Sequential) -> None:
        super().__init__()
        self.up = Upsampling(up, c_in, c_in)
        self.convs = after


def decode(
    features: nn.Sequential, maps: dict[str, Tensor], decoder: nn.ModuleDict, y: Tensor
) -> Tensor:
    """The map y, enlarged stage by stage to the size of the first.

    Args:
        features: stages, each `stageN` followed by its `poolN`.
        maps: the outputs of all of them.
        decoder: a `Mirror` for each stage, the deepest first, with its number last in its name.
        y: what the decoder starts from, of the last map's size.
    """
    for name, mirror in decoder.items():
        assert isinstance(mirror, UnpoolStage)
        level = name[-1]
        pooling = cast(nn.MaxPool2d, features.get_submodule(f"pool{level}"))
        y = mirror.convs(mirror.up.undo(y, maps[f"stage{level}"], pooling))
    return y
