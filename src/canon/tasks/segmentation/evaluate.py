"""Evaluate a segmentation network on whole images, in tiles where they are large."""

from collections.abc import Generator

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import nn

from canon.data.images.region import ArrayReader
from canon.data.packs.masks import MaskPack
from canon.data.preprocessing import Preprocessing
from canon.data.types import Pixels
from canon.errors import InputError
from canon.inference.predictor import Predictor, TorchPredictor
from canon.inference.tiles import Tiling, tile_rows
from canon.tasks.gather import joined, own_samples
from canon.tasks.segmentation.confusion import confusion
from canon.tasks.segmentation.loss import sample_losses
from canon.tasks.segmentation.metrics import SegmentationMetrics
from canon.tasks.segmentation.rand_error import RandErrors, errors_by_threshold
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.training.interfaces import Evaluate
from canon.utils.progress import Step


def tiled_logits(predictor: Predictor, image: Pixels, tiling: Tiling) -> NDArray[np.float32]:
    """The logits of every pixel of an image.

    Shape: (H, W, C) -> (K, H, W)
    """
    reader = ArrayReader(image)
    cut = tiling.fitted(reader.height, reader.width)
    return np.concatenate([row for _, row in tile_rows(reader, cut, predictor)], axis=1)


def evaluation(
    pack: MaskPack,
    prep: Preprocessing,
    classes: int,
    accelerator: Accelerator,
    *,
    rand_error: bool = False,
) -> Evaluate:
    """How to evaluate a network on whole images, one after another.

    Args:
        pack: images and masks.
        prep: the preprocessing; whole images of the pack are evaluated.
        classes: K.
        accelerator: the devices; each takes its own images.
        rand_error: compute the Rand and pixel errors, for two classes, on one device.

    Raises:
        InputError: `rand_error`, and the classes or images do not allow it.
    """
    if rand_error:
        _require_stack(pack, classes, accelerator)
    tilings: list[Tiling] = []  # of the network, planned once

    def evaluate(net: nn.Module, epoch: int) -> Generator[Step, None, SegmentationMetrics]:
        if not tilings:
            tilings.append(plan_tiles(net, prep))
        own = own_samples(len(pack), accelerator)
        counts = torch.zeros(len(pack), classes, classes, dtype=torch.int64)
        losses = torch.zeros(len(pack), dtype=torch.float32)
        predictor = TorchPredictor(net, prep, accelerator)
        inside = []
        for done, i in enumerate(own, 1):
            logits = tiled_logits(predictor, pack.image(i), tilings[0])
            mask = pack.mask(i)
            counts[i] = torch.from_numpy(confusion(mask, logits.argmax(0), classes))
            truth = torch.from_numpy(mask.astype(np.int64))
            losses[i] = sample_losses(torch.from_numpy(logits)[None], truth[None])[0]
            if rand_error:
                inside.append(torch.from_numpy(logits).softmax(0)[1].numpy())
            yield Step("evaluate", epoch, done, len(own))
        counts, losses = (joined(part, accelerator) for part in (counts, losses))
        rand = _rand_errors(pack, inside) if rand_error else None
        return SegmentationMetrics(classes, counts.numpy(), losses.double().numpy(), rand)

    return evaluate


def _rand_errors(pack: MaskPack, inside: list[NDArray[np.float32]]) -> RandErrors:
    """The errors of probabilities (H, W) of being inside a cell, one for each image."""
    truth = np.stack([pack.mask(i) == 1 for i in range(len(pack))])
    return errors_by_threshold(truth, np.stack(inside))


def _require_stack(pack: MaskPack, classes: int, accelerator: Accelerator) -> None:
    if classes != 2:
        raise InputError(
            f"--rand-error needs two classes, membranes and the inside of cells, in this order; "
            f"the run has {classes}. Remove the flag."
        )
    if len(set(pack.sizes)) > 1:
        raise InputError(
            f"the images differ in size, {pack.sizes[0]} and others; --rand-error needs slices of "
            "one stack. Remove the flag."
        )
    if accelerator.num_processes > 1:
        raise InputError(
            f"--rand-error runs on one process, not on {accelerator.num_processes}. Remove the "
            "flag, or start without a launcher."
        )
