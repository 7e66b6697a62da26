"""Decoders that mirror their encoder: each stage undoes a pooling by its switches."""

from typing import cast

from torch import Tensor, nn

from canon.layers.upsample import Upsampling


class Mirror(nn.Module):
    """A stage of such a decoder: its pooling undone, and its convolutions.

    Args:
        up: kind of upsampling.
        c_in: channels that were pooled.
        convs: what follows.
    """

    def __init__(self, up: str, c_in: int, convs: nn.Sequential) -> None:
        super().__init__()
        self.up = Upsampling(up, c_in, c_in)
        self.convs = convs


def mirrored(
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
        assert isinstance(mirror, Mirror)
        level = name[-1]
        pool = features.get_submodule(f"pool{level}")
        y = mirror.convs(mirror.up.undo(y, maps[f"stage{level}"], cast(nn.MaxPool2d, pool)))
    return y
