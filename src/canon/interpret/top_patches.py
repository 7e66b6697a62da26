"""The image patches that excite each channel most, and what of them the network uses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from canon.analysis.intervals import ReceptiveField
from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.interpret.attributions import deconvnet, guided_backprop
from canon.layers.stages import eval_mode, features_of, require_stage, staged
from canon.types import Images

PATCHES = 9  # of a channel

Box = tuple[int, int, int, int]  # top, left, bottom, right, in pixels; past the edge in the padding


@dataclass(frozen=True)
class TopPatches:
    """The strongest activations of each channel of a stage, one for an image at most.

    Args:
        stage: by name.
        values: (C, n) activations, the strongest first.
        images: (C, n) int64 positions of the images.
        places: (C, n, 2) int64 row and column in the map.
        field: the receptive field of the stage.
        size: height and width of the images in pixels.
    """

    stage: str
    values: Tensor
    images: Tensor
    places: Tensor
    field: ReceptiveField
    size: tuple[int, int]

    def box(self, channel: int, patch: int) -> Box:
        """The pixels that a patch shows: all that its activation can depend on."""
        if self.field.whole:
            return 0, 0, *self.size
        row, column = self.places[channel, patch].tolist()
        (top, bottom), (left, right) = self.field.height.at(row), self.field.width.at(column)
        return top, left, bottom, right


def upto(net: nn.Module, stage: str) -> nn.Sequential:
    """The features of a network up to a stage.

    Raises:
        InputError: they have no such stage.
    """
    require_stage(net, stage)
    features = features_of(net)
    names = [name for name, _ in features.named_children()]
    return nn.Sequential(*list(features.children())[: names.index(stage) + 1])


def top_patches(
    net: nn.Module, batches: Iterable[Images], stage: str, count: int = PATCHES
) -> TopPatches:
    """The images and places with the strongest activations of each channel of a stage.

    Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.

    Args:
        net: the network; its modes are restored.
        batches: (N, C, H, W) images, all of one size.
        stage: of the features, by name.
        count: patches of a channel; fewer if there are fewer images.

    Raises:
        InputError: there is no such stage, it has no maps, or there are no images.
    """
    part, best, seen = upto(net, stage), None, 0
    with eval_mode(net):
        for x in batches:
            maps = part(x)
            if maps.dim() != 4:
                raise InputError(
                    f"stage {stage} has no maps, but {maps[0].numel()} values; expected a stage "
                    "with maps. Pass another --stage."
                )
            found = _strongest(maps, seen)
            both = zip(best or found, found, strict=True)
            best = found if best is None else [torch.cat(pair, 1) for pair in both]
            order = best[0].topk(min(count, best[0].shape[1]), dim=1).indices
            best = [t.gather(1, order) for t in best]
            seen += len(x)
    if best is None:
        raise InputError(
            "there are no images to look for patches in; expected at least one. Pass others."
        )
    values, images, flat = (t.cpu() for t in best)
    _, channels, height, width = x.shape
    field = describe(staged(net), (height, width), channels=channels).ends[stage][1]
    columns = maps.shape[-1]
    places = torch.stack([flat // columns, flat % columns], 2)
    return TopPatches(stage, values, images, places, field, (height, width))


def _strongest(maps: Tensor, first: int) -> list[Tensor]:
    """The largest value of each channel and image, (C, N), its image, and its flat position."""
    values, flat = maps.flatten(2).max(2)
    images = torch.arange(first, first + len(maps), device=maps.device)
    return [values.T, images.expand(maps.shape[1], -1), flat.T]


def is_chain(features: nn.Module) -> bool:
    """Whether layers follow one another, so that a deconvnet can mirror them."""
    return all(isinstance(m, nn.Sequential) or not any(m.children()) for m in features.modules())


def projections(
    net: nn.Module, images: Images, found: TopPatches, position: int, channel: int | None = None
) -> Tensor:
    """What of each patch excites the channel: its activation, projected back to the pixels.

    By a deconvnet where the stages form a chain, as in the paper; else by guided backpropagation.

    Args:
        net: the network; its modes are restored.
        images: (n, C, H, W): those of the patches of the channel, in their order.
        found: the patches.
        position: of the channel among those of `found`.
        channel: of the stage, if `found` has only some of them.

    Returns:
        (n, C, H, W), of either sign.

    Raises:
        InputError: Captum is not installed.
    """
    part = upto(net, found.stage)
    rows, columns = found.places[position].to(images.device).T
    number = position if channel is None else channel
    project = deconvnet if is_chain(part) else guided_backprop

    def score(maps: Tensor) -> Tensor:
        return maps[torch.arange(len(maps)), number, rows, columns]

    return project(part, images, score)


def cropped(image: Tensor, box: Box, fill: float = 0.0) -> Tensor:
    """The part (..., h, w) of an image (..., H, W) in a box; filled where it is past the edge."""
    top, left, bottom, right = box
    height, width = image.shape[-2:]
    whole = image.new_full((*image.shape[:-2], bottom - top, right - left), fill)
    y, x = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    whole[..., y.start - top : y.stop - top, x.start - left : x.stop - left] = image[..., y, x]
    return whole


def of_channels(found: TopPatches, channels: Sequence[int]) -> TopPatches:
    """The patches of some channels.

    Raises:
        InputError: a channel that the stage does not have.
    """
    if wrong := [c for c in channels if not 0 <= c < len(found.values)]:
        raise InputError(
            f"stage {found.stage} has no channel {wrong[0]}; expected 0 to "
            f"{len(found.values) - 1}. Pass another --channel."
        )
    picked = torch.tensor(list(channels))
    return replace(
        found, values=found.values[picked], images=found.images[picked], places=found.places[picked]
    )
