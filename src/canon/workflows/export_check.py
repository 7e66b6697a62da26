"""Check an engine on images: differences, decisions, and the metric before and after."""

from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from canon.data import Split
from canon.deploy.engine import Engine
from canon.deploy.parity import Compared, Parity
from canon.deploy.program import Program
from canon.deploy.worker import EngineError, Spec, Worker
from canon.errors import DataError, InputError
from canon.layers.stages import eval_mode
from canon.runs.exported import engine_network
from canon.runs.folder import Run
from canon.tasks.base import EvalOptions
from canon.tasks.lookup import task_named
from canon.training.interfaces import Metrics
from canon.utils.devices import make_accelerator
from canon.utils.progress import Progress, Watch, run_steps
from canon.utils.tables import counted
from canon.workflows.evaluate import choose_split

RANDOM = 8  # images of noise that a network without data is checked on
DECIDE = ("classify", "segment", "cluster")  # tasks whose outputs are classes


@dataclass(frozen=True)
class CheckImages:
    """The images of a check.

    Args:
        title: which they are, in words.
        split: None means noise, for a network that no run has trained.
    """

    title: str
    split: Split | None = None


def check_images(run: Run, data: str | None, most: int, progress: Progress | None) -> CheckImages:
    """Images that a run held out, spread evenly over its split.

    Raises:
        DataError: the data cannot be read.
        InputError: a run of images in memory, and no data.
    """
    if data is None and run.record.data.source is None:
        return CheckImages(f"{RANDOM} images of noise")
    try:
        name, split = choose_split(run, data, None, True, progress)
    except (DataError, InputError) as reason:
        if data is not None:
            raise
        raise type(reason)(
            f"{reason} Or pass --data DATA: the images that the engine is checked on."
        ) from None
    index = np.unique(np.linspace(0, len(split) - 1, min(most, len(split))).round().astype(int))
    return CheckImages(f"{counted(len(index), 'image')} ({name})", split.select(index))


def check_engine(
    run: Run, net: nn.Module, engine: Engine, input: str, images: CheckImages, watch: Watch | None
) -> Parity:
    """How an engine compares with the network of a run.

    Args:
        run: the run.
        net: its network.
        engine: the engine.
        input: name of the engine's input.
        images: to compare on.
        watch: called after each batch.
    """
    task = run.record.task
    other = engine_network(run, engine, input)
    compared = Compared(net, other, decides=task in DECIDE)
    if images.split is None:
        return _on_noise(run, compared)
    before = evaluated(run, compared, images.split, watch)
    after = evaluated(run, other, images.split, watch)
    parity = compared.parity()
    first, last = before.figures()[0], after.figures()[0]
    if first.value is None or not isfinite(first.value) or first.unit == "count":
        return parity
    return replace(parity, metric=first.name, before=first.value, after=last.value)


def evaluated(run: Run, net: nn.Module, split: Split, watch: Watch | None) -> Metrics:
    """The metrics of a network, or of an engine in its place, on a split."""
    task, devices = task_named(run.record.task), make_accelerator("cpu")
    options = EvalOptions(batch=64, recipe=run.record.recipe)
    outputs = split.targets.outputs
    evaluation = task.evaluation(split, run.preprocessing, outputs, devices, options)
    return run_steps(evaluation(net, 0), watch)


def _on_noise(run: Run, compared: Compared) -> Parity:
    generator, prep = torch.Generator().manual_seed(0), run.preprocessing
    if run.record.task == "generate":
        x = torch.rand(RANDOM, run.sizes["channels"], generator=generator)
    else:
        shape = (RANDOM, prep.inner, prep.inner, prep.channels)
        pixels = torch.randint(0, prep.white + 1, shape, generator=generator)
        x = prep.normalize(pixels.to(torch.uint8))
    with eval_mode(compared):
        for one in x.split(2):
            compared(one)
    return compared.parity()


def require_no_crash(format: str, path: Path, program: Program) -> None:
    """Run an engine once in a process of its own, since it may end the process.

    Raises:
        InputError: it does.
    """
    with TemporaryDirectory() as folder:
        x, y = Path(folder) / "x.npy", Path(folder) / "y.npz"
        np.save(x, program.example[:1].numpy())
        try:
            with Worker(Spec(format, str(path), 1)) as worker:
                worker.run(x, y)
        except EngineError as reason:
            raise InputError(
                f"{format} does not run this network: {reason}; expected operators that it has. "
                "Use --format onnx."
            ) from None
