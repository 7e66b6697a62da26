"""What a network has learned: filters, the strongest patches, the images it responds to most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from canon.data import ImagePack
from canon.data.images.collection import Images as Collection
from canon.data.packs.images import build_image_pack
from canon.data.sources.open import open_data
from canon.errors import InputError
from canon.interpret import filters
from canon.interpret.maximisation import ChannelScore, maximised
from canon.interpret.outputs import Score, class_score, last_maps, stage_outputs
from canon.interpret.pictures import seen
from canon.interpret.top_patches import cropped, of_channels, projections, top_patches
from canon.layers.stages import stage_named
from canon.runs.folder import Run, TrainedModel
from canon.runs.open import open_run
from canon.runs.resume import IN_MEMORY
from canon.types import Images
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Step, Watch
from canon.workflows.explain_inputs import (
    Bytes,
    Floats,
    class_number,
    explainable,
    is_run,
    require_classes,
)

SHOWN = 16  # channels, if none are named
SAMPLES = 10_000  # images that patches are looked for in, at most
BATCH = 64


@dataclass(frozen=True)
class ChannelPatches:
    """The patches that excite a channel most.

    Args:
        channel: of the stage.
        values: (n,) activations, the strongest first.
        crops: (h, w, 3) of each patch.
        projections: (h, w, C): its activation, projected back to the pixels of the patch.
    """

    channel: int
    values: Floats
    crops: tuple[Bytes, ...]
    projections: tuple[Floats, ...]


def learned_filters(
    network: Run | str | Path, stage: str | None = None, weights: str | None = None
) -> tuple[str, Floats]:
    """A title, and the filters (K, C, h, w) of the first convolution, or of that of a stage.

    Raises:
        InputError: no network or stage of that name, or no convolution in it.
    """
    model = explainable(network, weights)
    return f"filters-{stage}" if stage else "filters", filters.filters(model.net, stage).numpy()


def strongest_patches(
    network: Run | str | Path,
    data: str | None = None,
    *,
    stage: str | None = None,
    channels: Sequence[int] = (),
    weights: str | None = None,
    device: str = "auto",
    watch: Watch = lambda _: None,
) -> tuple[str, list[ChannelPatches]]:
    """The nine patches that excite each channel of a stage most, with their projections.

    Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, Figure 2.

    Args:
        network: a run, its folder, or a registered name.
        data: the images, 10,000 at most; None means those of the run.
        stage: by name; None means the last one with maps.
        channels: of the stage; empty means the first 16.
        weights: for a registered name.
        device: where to run.
        watch: called after each batch, and after each channel.

    Returns:
        The stage, and one entry for each channel.

    Raises:
        DataError: images that cannot be read.
        InputError: no such network, stage or channel, no data, or Captum is not installed.
    """
    model = explainable(network, weights)
    images = images_of(network, data)
    images = images.select(np.random.default_rng(0).permutation(len(images))[:SAMPLES])
    pack = build_image_pack(images, np.zeros(len(images), np.int64), model.preprocessing)
    net = to_device(model.net, make_accelerator(device).device)
    stage = stage or last_maps(net, _input(model, net, pack, [0]))
    found = top_patches(net, batches(model, net, pack, watch), stage)
    picked = list(channels) or list(range(min(SHOWN, len(found.values))))
    found = of_channels(found, picked)
    several = []
    for i, channel in enumerate(picked):
        x = _input(model, net, pack, found.images[i].tolist())
        back = projections(net, x, found, i, channel).cpu()
        raw = model.preprocessing.center(pack.images[found.images[i]])
        shown = torch.from_numpy(seen(model.preprocessing, raw)).permute(0, 3, 1, 2)
        boxes = [found.box(i, n) for n in range(len(x))]
        crops = [cropped(one, box, 255) for one, box in zip(shown, boxes, strict=True)]
        parts = [cropped(one, box) for one, box in zip(back, boxes, strict=True)]
        several.append(ChannelPatches(
            channel, found.values[i].numpy(),
            tuple(one.permute(1, 2, 0).numpy() for one in crops),
            tuple(one.permute(1, 2, 0).numpy() for one in parts),
        ))  # fmt: skip
        watch(Step("predict", 0, i + 1, len(picked)))
    return stage, several


def images_of(network: Run | str | Path, data: str | None = None) -> Collection:
    """The images of some data, or those that a run was trained on.

    Raises:
        InputError: neither is known.
    """
    if data is None:
        if not is_run(network):
            raise InputError(
                f"patches are cut from images, but {network} is the name of a network; expected "
                "data. Pass --data."
            )
        run = network if isinstance(network, Run) else open_run(network)
        data = run.record.data.source
        if data is None or data == IN_MEMORY:
            raise InputError(
                f"{run.path} was trained on arrays in memory, which it does not hold; expected "
                "data. Pass --data."
            )
    return open_data(data, labels=False).joined().images


def _input(model: TrainedModel, net: nn.Module, pack: ImagePack, index: list[int]) -> Images:
    raw = pack.images[torch.tensor(index)].to(next(net.parameters()).device)
    return model.preprocessing.evaluation(raw).contiguous()


def batches(
    model: TrainedModel, net: nn.Module, pack: ImagePack, watch: Watch = lambda _: None
) -> Iterator[Images]:
    """All images of a pack as the network takes them."""
    for start in range(0, len(pack), BATCH):
        yield _input(model, net, pack, list(range(start, min(start + BATCH, len(pack)))))
        watch(Step("predict", 0, min(start + BATCH, len(pack)), len(pack)))


def maximised_channels(
    network: Run | str | Path,
    *,
    stage: str | None = None,
    channels: Sequence[int] = (),
    target: str | int | None = None,
    weights: str | None = None,
    steps: int = 256,
    seed: int = 0,
    device: str = "auto",
    watch: Watch = lambda _: None,
) -> tuple[str, dict[str, Bytes]]:
    """The images that channels of a stage, or a class, respond to most.

    Args:
        network: a run, its folder, or a registered name.
        stage: by name; None means the last one with maps.
        channels: of the stage; empty means the first 16.
        target: a class instead, by name or number.
        weights: for a registered name.
        steps: of gradient ascent.
        seed: of the first image.
        device: where to run.
        watch: called after each image.

    Returns:
        What was maximised, and (H, W, 3) for each channel or the class.

    Raises:
        InputError: no such network, stage, channel or class.
    """
    model = explainable(network, weights)
    net, prep = to_device(model.net, make_accelerator(device).device), model.preprocessing
    shape = (prep.channels, *prep.size)
    wanted: dict[str, tuple[nn.Module, Score]]
    if target is not None:
        require_classes(model)
        number, title = class_number(model, target), "maximised-class"
        wanted = {model.classes[int(number)]: (net, class_score(number))}
    else:
        blank = torch.zeros(1, *shape, device=next(net.parameters()).device)
        stage = stage or last_maps(net, blank)
        title = f"maximised-{stage}"
        picked = _picked(net, blank, stage, channels)
        wanted = {str(c): (ChannelScore(net, stage, c), lambda y: y) for c in picked}
    pictures = {}
    for done, (name, (module, score)) in enumerate(wanted.items(), 1):
        found = maximised(
            module, score, shape, mean=prep.mean, std=prep.std, steps=steps, seed=seed
        )
        picture = (255 * found).round().to(torch.uint8).permute(1, 2, 0)
        pictures[name] = np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
        watch(Step("predict", 0, done, len(wanted)))
    return title, pictures


def _picked(net: nn.Module, x: Images, stage: str, channels: Sequence[int]) -> list[int]:
    """The channels, or the first 16 of a stage.

    Raises:
        InputError: there is no such stage or channel.
    """
    stage_named(net, stage)
    count = stage_outputs(net, x)[stage].shape[1]
    if wrong := [c for c in channels if not 0 <= c < count]:
        raise InputError(
            f"stage {stage} has no channel {wrong[0]}; expected 0 to {count - 1}. Pass another "
            "--channel."
        )
    return list(channels) or list(range(min(SHOWN, count)))
