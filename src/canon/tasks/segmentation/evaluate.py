"""Evaluate a segmentation network on whole images, in tiles where they are large."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import nn

from canon.data.images.region import ArrayReader
from canon.data.packs.masks import MaskPack
from canon.data.preprocessing import Preprocessing
from canon.data.types import Pixels
from canon.inference.predictor import TorchPredictor
from canon.inference.tiles import Tiling, tile_rows
from canon.tasks.segmentation.loss import SegmentationLoss
from canon.tasks.segmentation.metrics import SegmentationMetrics, confusion
from canon.utils.progress import Step


@dataclass(frozen=True)
class WholeImages:
    """Whole images and the classes of their pixels.

    Args:
        pack: both.
        how: the preprocessing; nothing is cropped or scaled.
        tiling: how an image larger than a tile is cut.
    """

    pack: MaskPack
    how: Preprocessing
    tiling: Tiling

    def __len__(self) -> int:
        return len(self.pack)


def tiled_logits(says: TorchPredictor, image: Pixels, tiling: Tiling) -> NDArray[np.float32]:
    """The logits of every pixel of an image.

    Shape: (H, W, C) -> (K, H, W)
    """
    plane = ArrayReader(image)
    cut = tiling.fitted(plane.height, plane.width)
    return np.concatenate([band for _, band in tile_rows(plane, cut, says)], axis=1)


def evaluate(
    net: nn.Module,
    task: SegmentationLoss,
    data: WholeImages,
    accelerator: Accelerator,
    batch: int = 1,  # noqa: ARG001
    epoch: int = 0,
) -> Generator[Step, None, SegmentationMetrics]:
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
    says = TorchPredictor(net, data.how, accelerator)
    for done, i in enumerate(mine, 1):
        scores = tiled_logits(says, data.pack.raw_image(i), data.tiling)
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
    return SegmentationMetrics(task.classes, counts.numpy(), losses.double().numpy())
