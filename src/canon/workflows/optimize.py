"""Choose the engine that runs a network fastest on this machine."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, get_args
from weakref import finalize

import torch
from torch import Tensor, nn

from canon.deploy.candidates import Goal
from canon.deploy.choose import Choice, Chooser
from canon.deploy.engine import Engine
from canon.deploy.network import IMAGES
from canon.deploy.program import export_program, folded_program
from canon.deploy.quantize import LowPrecision
from canon.deploy.streams import open_streams
from canon.deploy.worker import Spec
from canon.errors import CanonError, InputError, require_choice
from canon.layers.stages import eval_mode
from canon.runs.chosen_engine import ChosenEngine, chosen_engine, engine_file
from canon.runs.exported import ExportedRun, engine_network
from canon.runs.folder import Run
from canon.utils.files import atomic_path
from canon.workflows.export_subject import Subject, export_subject
from canon.workflows.low_precision import low_precision_of

GOALS: tuple[Goal, ...] = get_args(Goal)
BUDGET = 60.0  # seconds
LEAST = 1.0  # seconds
MAX_LOSS = 0.005  # of the metric, a fraction


class OptimizedNetwork(nn.Module):
    """A network run by the engine that was chosen, with the signature of the network.

    Args:
        engine: the engine.
        choice: how it was chosen, with what was measured.
        single: whether the network gives one tensor rather than several.
        folder: of the files of the engine, deleted with this object; None if they are kept.
        saved: the record of the choice in a run folder, or None.

    Shape: as the network
    """

    def __init__(
        self,
        engine: Engine,
        choice: Choice,
        *,
        single: bool,
        folder: Path | None = None,
        saved: Path | None = None,
    ) -> None:
        super().__init__()
        self.engine, self.choice, self.single = engine, choice, single
        self.saved = saved
        if folder is not None:
            finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def forward(self, x: Tensor) -> Any:
        found = self.engine(x.contiguous().numpy())
        outputs = tuple(torch.from_numpy(found[name]) for name in self.engine.outputs)
        return outputs[0] if self.single else outputs


def optimize(
    model: nn.Module | Run | str | Path,
    example: Tensor | None = None,
    *,
    goal: Goal = "latency",
    budget: float = BUDGET,
    low_precision: bool = False,
    max_loss: float = MAX_LOSS,
    watch: Callable[[str], None] = lambda _: None,
) -> OptimizedNetwork:
    """The fastest engine for a network on this machine, measured and checked.

    Torch (eager, channels last, folded, compiled), ONNX Runtime, OpenVINO and ncnn, as far as they
    are installed, run in processes of their own and in turns. An engine whose outputs differ from
    those of the network is left out. The choice is made when the order is certain, or the budget
    is spent. For a run, it is written into the run folder, and `predict` uses it from then on.

    Args:
        model: a module of one tensor; or a run, or its folder, or the name of a network.
        example: an input of at least one sample, (N, ...) float32; runs and names have their own.
        goal: `latency` of one sample, `throughput` of batches, or `memory` of the process.
        budget: seconds that the choice may take.
        low_precision: of a run: also try int8, calibrated on its training images, and bfloat16.
        max_loss: most that the metric on held-out images may fall with them, a fraction.
        watch: called with what is being done.

    Returns:
        A module with the signature of the network; its attribute `choice` has what was measured.

    Raises:
        InputError: an unknown goal, a budget below a second, no example for a module, or a network
            that torch.export does not take.
    """
    require_choice("goal", goal, GOALS, "bench")
    if not budget >= LEAST:
        raise InputError(
            f"--budget is {budget:g} seconds; expected {LEAST:g} or more. Pass --budget {BUDGET:g}."
        )
    if not isinstance(model, nn.Module):
        found = export_subject(model, None, {})
        if low_precision and not found.trained:
            raise InputError(
                f"{model} is no run, so there are no images to calibrate int8 on; expected a run "
                "folder. Remove --low-precision."
            )
        low = low_precision_of(found.run, max_loss) if low_precision else None
        return _optimize_subject(found, goal, budget, watch, low)
    if low_precision:
        raise InputError("int8 is calibrated on the images of a run; expected a run. Pass a run.")
    if example is None:
        raise InputError("no example for the module; expected an input. Pass example=x.")
    folder = Path(tempfile.mkdtemp(prefix="canon-"))
    choice, single = choose(model, example, goal, budget, folder, watch)
    return OptimizedNetwork(opened(choice.spec), choice, single=single, folder=folder)


def _optimize_subject(
    found: Subject,
    goal: Goal,
    budget: float,
    watch: Callable[[str], None],
    low: LowPrecision | None,
) -> OptimizedNetwork:
    """The engine for a run, kept in its folder; or for a network that has none."""
    record = found.run.record
    _, empty = found.example()
    example = torch.randn(empty.shape, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory(prefix="canon-") as folder:
        sizes = (2, 3) if record.task == "segment" else ()
        choice, single = choose(found.net, example, goal, budget, Path(folder), watch, sizes, low)
        if not found.trained:
            return OptimizedNetwork(opened(choice.spec), choice, single=single)
        target = engine_file(found.run, choice.spec.engine)
        target.parent.mkdir(exist_ok=True)
        with atomic_path(target) as temporary:
            source = Path(choice.spec.path)
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, temporary)
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    chosen = ChosenEngine.of(found.run, choice, budget, date, low.limit if low else None)
    saved = chosen.save(found.run)
    import_module("canon.reports.engines").add_engines(found.run, chosen)  # drawing is slow to load
    engine = opened(chosen.spec(found.run))
    return OptimizedNetwork(engine, choice, single=single, saved=saved)


def fastest_network(run: Run, note: Callable[[str], None]) -> nn.Module | None:
    """The engine that was chosen for a run in place of its network; None if none was.

    It is measured again where the machine, a version or the weights have changed.

    Args:
        run: the run.
        note: called with what the user should know.
    """
    chosen = None if isinstance(run, ExportedRun) else chosen_engine(run)
    if chosen is None:
        return None
    if reason := chosen.stale(run):
        note(f"{reason}: measuring engines again, {chosen.budget:g} seconds at most")
        try:
            optimize(
                run,
                goal=chosen.goal,
                budget=chosen.budget,
                low_precision=chosen.max_loss is not None,
                max_loss=chosen.max_loss or 0.0,
            )
            chosen = chosen_engine(run)
        except CanonError as failure:
            note(f"{failure} Predicting with torch.")
            return None
    assert chosen is not None
    return engine_network(run, opened(chosen.spec(run)), IMAGES)


def choose(
    module: nn.Module,
    example: Tensor,
    goal: Goal,
    budget: float,
    folder: Path,
    watch: Callable[[str], None],
    sizes: tuple[int, ...] = (),
    low: LowPrecision | None = None,
) -> tuple[Choice, bool]:
    """The choice, and whether the module gives one tensor.

    Args:
        module: the network.
        example: an input.
        goal: what is measured.
        budget: seconds.
        folder: for files.
        watch: called with what is being done.
        sizes: dimensions of the input that may vary.
        low: also try engines of low precision.
    """
    pair = torch.cat([example, example])[:2] if len(example) < 2 else example
    with eval_mode(module):
        reference = module(pair)
    single = isinstance(reference, Tensor)
    outputs: Sequence[Tensor] = [reference] if single else [*reference]
    names = [f"output{i}" for i in range(len(outputs))]
    wrapped = AsTuple(module).eval()
    watch("reading the network")
    plain = export_program(wrapped, pair, names, name=IMAGES, sizes=sizes, folded=False)
    chooser = Chooser(folded_program(plain), plain, outputs, folder, watch, low)
    return chooser.choose(goal, budget), single


class AsTuple(nn.Module):
    """A module whose output is a tuple, of one tensor perhaps."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.net(x)
        return (y,) if isinstance(y, Tensor) else tuple(y)


def opened(spec: Spec) -> Engine:
    """The engine of a choice, in this process."""
    return open_streams(spec.engine, Path(spec.path), spec.threads, spec.streams, spec.options)
