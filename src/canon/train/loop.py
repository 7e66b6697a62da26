"""The training loop: a generator of what happened.

Everything random in a run is a function of (seed, epoch, batch), so a run goes on from any batch as
if it had never stopped.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from canon.data.augment import Batches
from canon.data.split import batches, order, seed_of, share
from canon.errors import NonFiniteError
from canon.tasks import Classify, Scores
from canon.train.evaluate import evaluate
from canon.train.events import Epoch, Event, Finished, Step
from canon.train.levenberg import PATTERNS, DiagonalLevenberg
from canon.train.modes import draws, seeded, training_mode
from canon.train.optim import Schedule, optimiser
from canon.train.recipe import Limits, Recipe
from canon.train.state import Clock, Progress, latest_state, save_state

CHECK = 20  # steps between looks at the losses: each look waits for the device


@dataclass
class _Run:
    """What the steps of one run share."""

    net: nn.Module
    model: nn.Module  # the network as Accelerate wraps it
    task: Classify
    train: Batches
    monitor: Batches | None
    recipe: Recipe
    limits: Limits
    accelerator: Accelerator
    optimizer: Optimizer
    schedule: Schedule
    average: AveragedModel | None
    states: Path | None
    seed: int
    progress: Progress
    clock: Clock
    curved: DiagonalLevenberg | None
    random: bool
    saved_at: float = field(default_factory=time.perf_counter)
    recent: list[Tensor] = field(default_factory=list)

    @property
    def slices(self) -> list[slice]:
        return batches(len(self.train), self.recipe.batch)

    @property
    def measured(self) -> nn.Module:
        return self.net if self.average is None else self.average.module


def fit(
    net: nn.Module,
    task: Classify,
    train: Batches,
    recipe: Recipe,
    limits: Limits,
    accelerator: Accelerator,
    *,
    monitor: Batches | None = None,
    average: AveragedModel | None = None,
    seed: int = 0,
    states: Path | None = None,
    resume: bool = False,
) -> Iterator[Event]:
    """Train a network and yield what happens. Closing the generator saves the state first.

    Args:
        net: the network, on the accelerator's device; trained in place.
        task: its loss and metrics.
        train: the samples.
        recipe: optimiser, schedule, batch.
        limits: epochs, time, patience.
        accelerator: devices and precision.
        monitor: what to evaluate after each epoch.
        average: a moving average of the network to keep, evaluated in its place.
        seed: of the order, the augmentation and dropout.
        states: the folder to keep states in; None keeps none.
        resume: go on from the newest state there.

    Raises:
        NonFiniteError: the loss or a weight is not finite; the states kept are from before.
    """
    plain = optimiser(recipe, net)
    steps = limits.epochs * len(batches(len(train), recipe.batch))
    schedule, progress = Schedule(recipe, plain, steps, limits.epochs), Progress()
    model, optimizer = accelerator.prepare(net, plain)
    kept = [progress, schedule] if average is None else [progress, schedule, average]
    accelerator.register_for_checkpointing(*kept)
    if resume and states and (state := latest_state(states)):
        accelerator.load_state(str(state))
    curved = plain if isinstance(plain, DiagonalLevenberg) else None
    run = _Run(net, model, task, train, monitor, recipe, limits, accelerator, optimizer, schedule,
               average, states, seed, progress, Clock(progress), curved, draws(net))  # fmt: skip
    try:
        yield from _epochs(run)
    except GeneratorExit:
        _save(run)
        raise
    finally:
        accelerator.free_memory()


def _epochs(run: _Run) -> Iterator[Event]:
    progress, limits = run.progress, run.limits
    while progress.epoch < limits.epochs:
        yield from _train(run)
        _save(run)
        scores = yield from _monitor(run)
        event = _account(run, scores)
        yield event
        _save(run)
        if _out_of_time(run):
            yield Finished("time", progress.epoch)
            return
        if limits.patience and progress.epoch - progress.best_epoch >= limits.patience:
            yield Finished("patience", progress.epoch)
            return
    yield Finished("epochs", progress.epoch)


def _train(run: _Run) -> Iterator[Event]:
    progress = run.progress
    sequence, slices = order(len(run.train), run.seed, progress.epoch), run.slices
    training_mode(run.net)
    run.clock.read()
    for where in slices[progress.batch :]:
        if run.curved is not None and progress.batch == 0:
            run.curved.measure(run.net, run.train.evaluation(sequence[:PATTERNS])[0])
        _step(run, sequence[where])
        progress.batch, progress.step = progress.batch + 1, progress.step + 1
        if len(run.recent) == CHECK or progress.batch == len(slices):
            _look_at_losses(run)
        run.clock.read(training=True)
        yield Step("train", progress.epoch + 1, progress.batch, len(slices))
        run.clock.read()
        if _out_of_time(run):
            return
        if time.perf_counter() - run.saved_at > run.limits.save_every:
            _save(run)


def _step(run: _Run, index: Tensor) -> None:
    progress, accelerator = run.progress, run.accelerator
    rank, world = accelerator.process_index, accelerator.num_processes
    pieces = share(index, rank, world).chunk(run.limits.accumulate)
    total = torch.zeros((), device=accelerator.device)
    for piece, positions in enumerate(pieces):
        seed = seed_of(run.seed, progress.epoch, progress.batch, rank, piece)
        images, labels = run.train.training(positions, seed)
        last = piece == len(pieces) - 1
        synced = nullcontext() if last else accelerator.no_sync(run.model)
        drawn = seeded(seed, accelerator.device) if run.random else nullcontext()
        with synced, drawn:
            losses = run.task.losses(run.model(images), labels)
            # Devices average their gradients, so each gives its share of the batch's mean.
            accelerator.backward(losses.sum() * (world / len(index)))
        total += losses.detach().sum()
    if run.recipe.clip:
        accelerator.clip_grad_norm_(run.model.parameters(), run.recipe.clip)
    run.optimizer.step()
    run.optimizer.zero_grad()
    run.schedule.step()
    if run.average is not None:
        run.average.update_parameters(run.net)
    progress.seen += len(index)
    run.recent.append(total)


def _look_at_losses(run: _Run) -> None:
    sums = torch.stack(run.recent)
    if run.accelerator.num_processes > 1:
        sums = run.accelerator.reduce(sums, "sum")
    first = run.progress.step - len(run.recent) + 1
    for step, loss in enumerate(sums.tolist(), first):
        if not torch.isfinite(torch.tensor(loss)):
            raise NonFiniteError(_diverged(f"the training loss is {loss} at step {step}", run))
    run.progress.loss_sum += float(sums.sum())
    run.recent.clear()


def _diverged(what: str, run: _Run) -> str:
    state = latest_state(run.states) if run.states else None
    kept = f" The state of step {int(state.name)} is kept." if state else ""
    return (
        f"{what}, in epoch {run.progress.epoch + 1}; expected a finite number.{kept} "
        f"Train with a smaller --lr than {run.recipe.lr:g}."
    )


def _monitor(run: _Run) -> Generator[Event, None, Scores | None]:
    if run.monitor is None:
        return None
    epoch = run.progress.epoch + 1
    return (yield from evaluate(run.measured, run.task, run.monitor, run.accelerator, epoch=epoch))


def _account(run: _Run, scores: Scores | None) -> Epoch:
    progress = run.progress
    lr = run.optimizer.param_groups[0]["lr"]
    better = False
    if scores is not None:
        if not torch.isfinite(torch.tensor(scores.loss)):
            raise NonFiniteError(_diverged(f"the monitored loss is {scores.loss}", run))
        now = (scores.top(1), -scores.loss)
        better = now > tuple(progress.best)
        if better:
            progress.best, progress.best_epoch = now, progress.epoch + 1
    run.schedule.epoch(1 - scores.top(1) if scores else progress.loss_sum / progress.seen)
    event = Epoch(
        epoch=progress.epoch + 1,
        epochs=run.limits.epochs,
        step=progress.step,
        loss=progress.loss_sum / progress.seen,
        lr=lr,
        scores=scores,
        seconds=progress.seconds,
        images_per_second=progress.seen / max(progress.seconds, 1e-9),
        best=better,
    )
    progress.next_epoch()
    run.clock.read()
    return event


def _out_of_time(run: _Run) -> bool:
    minutes = run.limits.minutes
    return minutes is not None and run.progress.total_seconds > 60 * minutes


def _save(run: _Run) -> None:
    if run.states is None:
        return
    if run.recent:
        _look_at_losses(run)
    if not all(bool(p.isfinite().all()) for p in run.net.parameters()):
        raise NonFiniteError(
            _diverged(f"a weight is not finite after step {run.progress.step}", run)
        )
    save_state(run.accelerator, run.states, run.progress.step)
    run.saved_at = time.perf_counter()
