"""Evaluate a trained run."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from canon.data import Dataset, Split
from canon.data.augment.image_batches import ImageBatches
from canon.data.checks.checked import open_checked
from canon.data.packs.images import build_image_pack
from canon.data.targets.mask_codes import MaskCodes
from canon.errors import DataError, InputError, require_positive
from canon.inference.predictor import TorchPredictor
from canon.runs import resume
from canon.runs.folder import ENSEMBLE, Run
from canon.runs.open import open_run
from canon.tasks.classification.crop_protocols import (
    evaluate_crops,
    network_and_crops,
    require_protocol,
)
from canon.tasks.classification.evaluate import evaluate as measure
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.lookup import task_of
from canon.tasks.segmentation.evaluate import WholeImages, tiled_logits
from canon.tasks.segmentation.evaluate import evaluate as measure_pixels
from canon.tasks.segmentation.loss import SegmentationLoss
from canon.tasks.segmentation.rand_error import RandErrors, errors_by_threshold
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.training.interfaces import Metrics
from canon.training.recipe import Recipe
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Progress, Step, run_steps


def evaluate(
    run: Run | str | Path,
    data: str | None = None,
    split: str | None = None,
    *,
    protocol: str = "1-crop",
    device: str = "auto",
    batch: int = 256,
    skip_bad: bool = False,
    progress: Progress | None = None,
    watch: Callable[[Step], None] | None = None,
) -> tuple[str, Any]:
    """Evaluate a run; return the split and its scores: `Scores`, of pixels `SegmentationMetrics`.

    Args:
        run: the run, or its folder.
        data: what `open_data` takes; None means the data it was trained on.
        split: `train`, `val` or `test`; None takes test, else val, else all there is.
        protocol: `1-crop`, or a paper's: `10-crop`, `multi-crop` or `dense`.
        device: where to run.
        batch: images at a time; views of them where the protocol takes several.
        skip_bad: leave unreadable files out instead of refusing.
        progress: wraps the files of a folder while they are read.
        watch: told of each step.

    Raises:
        DataError: data that cannot be read or has classes that the run does not know.
        InputError: the data has no such split, or the network cannot be tested so.
    """
    require_positive(batch=batch)
    require_protocol(protocol)
    run = run if isinstance(run, Run) else open_run(run)
    if protocol != "1-crop" and run.values is not None:
        raise InputError(
            f"{run.model} gives each pixel of a whole image a class; expected no protocol of "
            "crops. Leave --protocol out."
        )
    if protocol == "dense" and run.model == ENSEMBLE:
        raise InputError(
            "an ensemble has no dense protocol: its members see images of their own sizes; "
            "expected another. Pass --protocol 10-crop, or evaluate its members."
        )
    split, part, values = choose_split(run, data, split, skip_bad, progress)
    going = _evaluation(run, part, values, protocol, make_accelerator(device), batch, progress)
    return split, run_steps(going, watch)


def _evaluation(
    run: Run,
    part: Split,
    values: MaskCodes | None,
    protocol: str,
    devices: Accelerator,
    batch: int,
    progress: Progress | None,
) -> Generator[Step, None, Metrics]:
    """The evaluation of a split, a step at a time."""
    how, classes = run.preprocessing, len(run.classes)
    net = to_device(run.network(), devices.device)
    if run.values is not None:
        pack = task_of(run.model).pack(part, how, values, progress)
        whole = WholeImages(pack, how, plan_tiles(run.model, run.facts["numbers"]))
        return measure_pixels(net, SegmentationLoss(classes), whole, devices)
    if protocol == "1-crop":
        pack = build_image_pack(part, how, progress).to(devices.device)
        return measure(
            net, ClassificationLoss.of(net, classes), ImageBatches(pack, how), devices, batch
        )
    scales = run.facts.get("recipe", {}).get("scales", Recipe.scales)  # older runs have none
    tested, views = network_and_crops(net, how, protocol, tuple(scales))
    return evaluate_crops(tested, views, classes, part, how, devices, batch)


def choose_split(
    run: Run, data: str | None, split: str | None, skip_bad: bool, progress: Progress | None
) -> tuple[str, Split, MaskCodes | None]:
    """The split to evaluate on, its samples with the run's labels, and what its masks mean."""
    source = data or run.facts["data"]["source"]
    if source is None:
        raise InputError(
            f"the members of {run.path} kept no images of one set from all of them; expected data "
            "to measure it on. Name some that none was trained on."
        )
    opened, _ = open_checked(source, skip_bad, progress)
    own = opened.source == run.facts["data"]["source"]
    parts = resume.restore_splits(opened, run.classes, run.facts["split"]) if own else opened.parts
    name = split or next(name for name in ("test", "val", "train") if name in parts)
    if name not in parts or not len(parts[name]):
        some = ", ".join(name for name, part in parts.items() if len(part))
        raise InputError(f"{source} has no {name} split; expected one of {some}. Pass --split.")
    return name, _relabel(run, opened, parts[name]), opened.masks


def _relabel(run: Run, data: Dataset, part: Split) -> Split:
    """The part with labels in the order of the run's classes."""
    if data.dense != (run.values is not None) or (data.dense and data.classes != run.classes):
        raise DataError(
            f"{data.source} has other classes or masks than {run.path} was trained on; expected "
            f"{', '.join(run.classes[:5])}, as in its run.json. Give data of the same kind."
        )
    unknown = [name for name in data.classes if name not in run.classes]
    if unknown:
        raise DataError(
            f"{data.source} has classes that {run.path} does not know: {', '.join(unknown[:5])}; "
            f"expected {', '.join(run.classes[:5])}{', ...' if len(run.classes) > 5 else ''}. "
            "Rename the folders, or evaluate a run trained on these classes."
        )
    places = np.array([run.classes.index(name) for name in data.classes], np.int64)
    return replace(part, labels=places[part.labels])


def evaluate_rand(
    run: Run | str | Path,
    data: str | None = None,
    split: str | None = None,
    *,
    device: str = "auto",
    skip_bad: bool = False,
) -> RandErrors:
    """Rand and pixel errors of cells between membranes, as in the ISBI 2012 challenge.

    Args:
        run: a run, or its folder, of two classes of which the second is the inside of cells.
        data: what `open_data` takes; None means the data it was trained on.
        split: `train`, `val` or `test`; None takes test, else val, else all there is.
        device: where to run.
        skip_bad: leave unreadable files out instead of refusing.

    Raises:
        InputError: the run has other classes, or its images differ in size.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if run.values is None or len(run.classes) != 2:
        raise InputError(
            f"{run.path} does not tell two classes of pixels apart; expected membranes and the "
            "inside of cells. Leave --membranes out."
        )
    _, part, values = choose_split(run, data, split, skip_bad, None)
    pack = task_of(run.model).pack(part, run.preprocessing, values, None)
    if len(set(pack.sizes)) > 1:
        raise InputError(
            f"the images differ in size, {pack.sizes[0]} and others; expected slices of one stack. "
            "Leave --membranes out."
        )
    devices = make_accelerator(device)
    says = TorchPredictor(to_device(run.network(), devices.device), run.preprocessing, devices)
    tiling = plan_tiles(run.model, run.facts["numbers"])
    inside = [
        torch.from_numpy(tiled_logits(says, pack.raw_image(i), tiling)).softmax(0)[1].numpy()
        for i in range(len(pack))
    ]
    truth = np.stack([pack.raw_mask(i) == 1 for i in range(len(pack))])
    return errors_by_threshold(truth, np.stack(inside))
