"""Measuring a network that gives each pixel a class: on whole images, in tiles if large."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from canon.data.dataset import Pixels
from canon.data.pack import Preprocessing
from canon.data.pair_pack import PairPack
from canon.deploy.planes import ArrayPlane
from canon.deploy.tiles import Tiling, bands
from canon.fitting.events import Step
from canon.layers.stages import evaluating
from canon.tasks import DenseScores, Segment
from canon.tasks.confusion import confusion
from canon.types import RawImages


@dataclass(frozen=True)
class Whole:
    """Whole images and the classes of their pixels.

    Args:
        pack: both.
        how: the preprocessing; nothing is cropped or scaled.
        tiling: how an image larger than a tile is cut.
    """

    pack: PairPack
    how: Preprocessing
    tiling: Tiling

    def __len__(self) -> int:
        return len(self.pack)


class Says:
    """What a network says of stored pixels: logits in float32.

    Args:
        net: the network, on its device.
        how: the preprocessing.
        accelerator: the device and its precision.

    Shape: (n, h, w, C) -> (n, K, H, W)
    """

    def __init__(self, net: nn.Module, how: Preprocessing, accelerator: Accelerator) -> None:
        self.net, self.how, self.accelerator = net, how, accelerator

    def __call__(self, raw: RawImages) -> Tensor:
        with evaluating(self.net), self.accelerator.autocast():
            return self.net(self.how.normalise(raw.to(self.accelerator.device))).float()


def scores_of(says: Says, image: Pixels, tiling: Tiling) -> NDArray[np.float32]:
    """The logits of every pixel of an image.

    Shape: (H, W, C) -> (K, H, W)
    """
    plane = ArrayPlane(image)
    cut = tiling.fitted(plane.height, plane.width)
    return np.concatenate([band for _, band in bands(plane, cut, says)], axis=1)


def evaluate(
    net: nn.Module,
    task: Segment,
    data: Whole,
    accelerator: Accelerator,
    batch: int = 1,  # noqa: ARG001
    epoch: int = 0,
) -> Generator[Step, None, DenseScores]:
    """Yield a step for each image; return the figures. Each process takes its own images.

    Args:
        net: the network, on its device.
        task: what to measure.
        data: the images.
        accelerator: the devices.
        batch: not used: images may differ in size, and are looked at one by one.
        epoch: to be told in the steps.
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    mine = range(rank, len(data), world)
    counts = torch.zeros(len(data), task.classes, task.classes, dtype=torch.int64)
    losses = torch.zeros(len(data), dtype=torch.float32)
    says = Says(net, data.how, accelerator)
    for done, i in enumerate(mine, 1):
        scores = scores_of(says, data.pack.raw_image(i), data.tiling)
        mask = data.pack.raw_mask(i)
        counts[i] = torch.from_numpy(confusion(mask, scores.argmax(0), task.classes))
        classes = torch.from_numpy(mask.astype(np.int64))
        losses[i] = task.losses(torch.from_numpy(scores)[None], classes[None])[0]
        yield Step("evaluate", epoch, done, len(mine))
    if world > 1:
        counts, losses = (
            accelerator.reduce(part.to(accelerator.device), "sum").cpu()
            for part in (counts, losses)
        )
    return DenseScores(task.classes, counts.numpy(), losses.double().numpy())
