"""Evaluate a trained run."""

from math import isfinite
from pathlib import Path

from canon.data import Split
from canon.data.checks.checked import open_checked
from canon.errors import DataError, InputError, NonFiniteError, require_choice, require_positive
from canon.recipes.images import PROTOCOLS, EvalProtocol
from canon.runs.exported import open_model
from canon.runs.folder import Run
from canon.runs.resume import IN_MEMORY, restore_splits
from canon.tasks.base import EvalOptions, needs_labels, require_options, require_targets
from canon.tasks.lookup import TASKS, task_named
from canon.training.interfaces import Metrics
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Progress, Watch, run_steps


def evaluate(
    run: Run | str | Path,
    data: str | None = None,
    split: str | None = None,
    *,
    protocol: EvalProtocol = "1-crop",
    image: int | None = None,
    rand_error: bool = False,
    batch: int = 256,
    device: str = "auto",
    skip_bad: bool = False,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> tuple[str, Metrics]:
    """Evaluate a run; return the name of the split and its metrics.

    Args:
        run: the run, its folder, or an exported file.
        data: what `open_data` takes; None means the data it was trained on.
        split: `train`, `val` or `test`; None takes test, else val, else train.
        protocol: of a classifier: `1-crop`, or a paper's `square`, `10-crop`, `multi-crop` or
            `dense`.
        image: shorter side of the images that `square` and `dense` test, in pixels; None means the
            recipe's.
        rand_error: of a segmentation of two classes, membranes and the inside of cells: compute
            the Rand and pixel errors of the ISBI 2012 challenge.
        batch: images, or crops of them, at a time.
        device: where to run.
        skip_bad: leave unreadable files out instead of stopping.
        progress: wraps the files while they are read.
        watch: called after each step.

    Raises:
        DataError: data that cannot be read, or has classes that the run does not know.
        InputError: the data has no such split, or the network cannot be tested so.
    """
    require_positive(batch=batch)
    require_choice("protocol", protocol, PROTOCOLS, "evaluate")
    if image is not None and (protocol not in ("square", "dense") or image < 1):
        raise InputError(
            f"--image {image} does not fit --protocol {protocol}; expected a side in pixels for "
            "square or dense. Pass --protocol square, or leave --image out."
        )
    run = run if isinstance(run, Run) else open_model(run)
    options = EvalOptions(protocol, batch, rand_error, progress, run.record.recipe, image)
    task = task_named(run.record.task)
    require_options(task, run.model, options, [*TASKS.values()])
    split, samples = choose_split(run, data, split, skip_bad, progress)
    devices = make_accelerator(device)
    net = to_device(run.network(), devices.device)
    outputs = samples.targets.outputs
    evaluation = task.evaluation(samples, run.preprocessing, outputs, devices, options)
    metrics = run_steps(evaluation(net, 0), watch)
    if not isfinite(metrics.loss):
        raise NonFiniteError(
            f"the network of {run.path} has outputs that are not finite numbers; expected finite "
            "ones. Check the mean and std in its run.json, or train again with a smaller --lr."
        )
    return split, metrics


def choose_split(
    run: Run, data: str | None, split: str | None, skip_bad: bool, progress: Progress | None
) -> tuple[str, Split]:
    """The split to evaluate on, with targets numbered as the run's outputs."""
    source = data or run.record.data.source
    if source is None:
        raise InputError(
            f"the members of {run.path} share no held-out images. Pass a dataset that none of them "
            f"was trained on: canon evaluate {run.path} DATA"
        )
    if data is None and source == IN_MEMORY:
        raise InputError(
            f"{run.path} was trained on arrays in memory, which it does not hold; expected data. "
            "Pass the arrays, or other data."
        )
    task = task_named(run.record.task)
    opened, report = open_checked(
        source, skip_bad=skip_bad, progress=progress, known=run.targets, labels=needs_labels(task)
    )
    require_targets(task, run.model, opened)
    recorded = run.record.data
    moved = bool(recorded.digests) and report.digests == recorded.digests
    own = moved or opened.source == recorded.source != IN_MEMORY  # the source of all arrays
    splits = restore_splits(opened, report, run.record, more=True) if own else opened.splits
    name = split or next(name for name in ("test", "val", "train") if name in splits)
    if name not in splits or not len(splits[name]):
        present = ", ".join(name for name, split in splits.items() if len(split))
        raise InputError(
            f"{source} has no {name} split; expected one of {present}. Pass another --split."
        )
    chosen = splits[name]
    if not own and split is None and [*splits] == ["train"]:
        name = "all images"  # of data without a split, which are not training images of this run
    if not needs_labels(task):
        return name, chosen
    try:
        return name, Split(chosen.images, chosen.targets.reordered(run.classes))
    except DataError as reason:
        raise DataError(f"{source}: {reason}") from None
