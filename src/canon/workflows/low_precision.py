"""What low precision needs: samples for calibration, and the loss on held-out images."""

from pathlib import Path

import numpy as np
import torch

from canon.deploy.network import IMAGES
from canon.deploy.quantize import Loss, LowPrecision, require_samples
from canon.deploy.streams import open_streams
from canon.deploy.worker import Spec
from canon.errors import InputError
from canon.runs.exported import engine_network
from canon.runs.folder import Run
from canon.tasks.classification.metrics import ClassificationMetrics
from canon.tasks.lookup import task_named
from canon.training.interfaces import Metrics
from canon.workflows.evaluate import choose_split
from canon.workflows.export_check import check_images, evaluated

SAMPLES, BATCH = 256, 8  # images that show the ranges of activations
HELD_OUT = 1000  # images that the loss is measured on, at most


def low_precision_of(run: Run, limit: float) -> LowPrecision:
    """Samples and loss for the engines of low precision of a run.

    Args:
        run: the run.
        limit: most that the metric may fall, a fraction.

    Raises:
        InputError: a limit that is no fraction, an ensemble or a generator, or too few images.
        DataError: the data of the run cannot be read.
    """
    if not 0 <= limit < 1:
        raise InputError(
            f"--max-loss is {100 * limit:g} points; expected 0 to 100. Pass --max-loss 0.5."
        )
    if run.record.recipe is None or run.record.task == "generate":
        raise InputError(
            f"{run.path} cannot be calibrated: int8 needs a single network of images; expected no "
            "--low-precision. Remove the flag."
        )
    images = check_images(run, None, HELD_OUT, None)
    held_out = images.split
    assert held_out is not None
    before: list[Metrics] = []

    def loss(spec: Spec) -> Loss:
        path = Path(spec.path)
        engine = open_streams(spec.engine, path, spec.threads, spec.streams, spec.options)
        if not before:
            before.append(evaluated(run, run.network(), held_out, None))
        after = evaluated(run, engine_network(run, engine, IMAGES), held_out, None)
        return Loss(after.error - before[0].error, _interval(before[0], after))

    return LowPrecision(_samples(run), loss, limit)


def _samples(run: Run) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Batches of normalised training images, as training sees them."""
    _, split = choose_split(run, None, "train", True, None)
    require_samples(len(split))
    index = np.unique(np.linspace(0, len(split) - 1, min(SAMPLES, len(split))).round().astype(int))
    task, prep = task_named(run.record.task), run.preprocessing
    pack = task.pack(split.select(index), prep)
    batches = task.batches(pack, run.network(), prep, run.recipe, torch.device("cpu"))
    starts = range(0, min(len(batches), SAMPLES) - BATCH + 1, BATCH)
    inputs = (batches.training(torch.arange(i, i + BATCH), 0)[0] for i in starts)
    return [x.contiguous().numpy() for x in inputs]


def _interval(before: Metrics, after: Metrics) -> tuple[float, float] | None:
    """Of the loss of top-1 accuracy on the same images, 95 %, from their differences."""
    if not isinstance(before, ClassificationMetrics):
        return None
    assert isinstance(after, ClassificationMetrics)
    lost = (before.rank == 0).astype(float) - (after.rank == 0)
    error = 1.96 * float(lost.std(ddof=1)) / len(lost) ** 0.5 if len(lost) > 1 else 1.0
    return float(lost.mean()) - error, float(lost.mean()) + error
