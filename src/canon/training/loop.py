"""The training loop: a generator of events.

Everything random in a run is a function of (seed, epoch, batch), so a run goes on from any batch as
if it had never stopped.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from canon.data.augment.image_batches import ImageBatches
from canon.data.sampling import batch_slices, epoch_order, process_share
from canon.training.checkpoint import TrainPosition, latest_state
from canon.training.diagonal_lm import PATTERNS, DiagonalLM
from canon.training.events import Epoch, Event, Stopped
from canon.training.interfaces import Batches, Evaluate, Metrics, Objective
from canon.training.optimizers import limit_filters, make_optimizer
from canon.training.recipe import Limits, Recipe
from canon.training.schedules import Schedule
from canon.training.session import Session
from canon.training.train_mode import explain_small_batches, set_train_mode, uses_dropout
from canon.utils.progress import Step
from canon.utils.seeding import derive_seed, forked_rng

CHECK = 20  # steps between looks at the losses: each look waits for the device


def fit(
    net: nn.Module,
    task: Objective,
    train: Batches,
    recipe: Recipe,
    limits: Limits,
    accelerator: Accelerator,
    *,
    monitor: Any = None,
    measure: Evaluate | None = None,
    average: AveragedModel | None = None,
    seed: int = 0,
    states: Path | None = None,
    resume: bool = False,
) -> Generator[Event, None, None]:
    """Train a network and yield what happens. Closing the generator saves the state first.

    Args:
        net: the network, on the accelerator's device; trained in place.
        task: its loss and metrics.
        train: the samples.
        recipe: optimiser, schedule, batch.
        limits: epochs, time, patience.
        accelerator: devices and precision.
        monitor: what to evaluate after each epoch,
        measure: by this function; None evaluates nothing.
        average: a moving average of the network to keep, evaluated in its place.
        seed: of the order, the augmentation and dropout.
        states: the folder to keep states in; None keeps none.
        resume: go on from the newest state there.

    Raises:
        NonFiniteError: the loss or a weight is not finite; the states kept are from before.
    """
    plain = make_optimizer(recipe, net)
    steps = limits.epochs * len(batch_slices(len(train), recipe.batch))
    schedule, progress = Schedule(recipe, plain, steps, limits.epochs), TrainPosition()
    model, optimizer = accelerator.prepare(task.trained(net), plain)
    kept = [progress, schedule] if average is None else [progress, schedule, average]
    accelerator.register_for_checkpointing(*kept)
    if resume and states and (state := latest_state(states)):
        accelerator.load_state(str(state))
    curved = plain if isinstance(plain, DiagonalLM) else None
    run = Session(
        net, model, task, train, monitor, measure, recipe, limits, accelerator, plain, optimizer,
        schedule, average, states, seed, progress, curved, uses_dropout(net),
    )  # fmt: skip
    try:
        yield from _epochs(run)
    except GeneratorExit:
        if accelerator.num_processes == 1:  # several are at different steps; the last save stands
            run.save()
        raise


def _epochs(run: Session) -> Iterator[Event]:
    progress, limits = run.progress, run.limits
    while progress.epoch < limits.epochs:
        if limits.patience and progress.epoch - progress.best_epoch >= limits.patience:
            yield Stopped("patience", progress.epoch)
            return
        yield from _train(run)
        run.save()
        scores = yield from _monitor(run)
        whole = progress.batch == len(run.slices)
        event = _account(run, scores, whole)
        if whole:
            _conclude(run, event)
        yield event
        if whole:
            run.save()
        if not whole or run.agreed(run.out_of_time()):
            yield Stopped("time", event.epoch)
            return
    yield Stopped("epochs", progress.epoch)


def _train(run: Session) -> Iterator[Event]:
    progress = run.progress
    sequence, slices = epoch_order(len(run.train), run.seed, progress.epoch), run.slices
    set_train_mode(run.net)
    for where in slices[progress.batch :]:
        began = time.perf_counter()
        if run.curved is not None and progress.batch == 0:
            assert isinstance(run.train, ImageBatches)  # the method is LeNet-5's
            run.curved.measure(run.net, run.train.evaluation(sequence[:PATTERNS])[0])
        _step(run, sequence[where])
        progress.batch, progress.step = progress.batch + 1, progress.step + 1
        if len(run.recent) == CHECK or progress.batch == len(slices):
            run.look_at_losses()
        progress.seconds += time.perf_counter() - began
        yield Step("train", progress.epoch + 1, progress.batch, len(slices))
        if run.recent and run.accelerator.num_processes > 1:
            continue  # devices look at the clock together, when they look at the losses
        if run.agreed(run.out_of_time()):
            return
        if run.agreed(time.perf_counter() - run.saved_at > run.limits.save_every):
            run.save()


def _step(run: Session, index: Tensor) -> None:
    progress, accelerator = run.progress, run.accelerator
    rank, world = accelerator.process_index, accelerator.num_processes
    pieces = process_share(index, rank, world).chunk(run.limits.accumulate)
    total = torch.zeros((), device=accelerator.device)
    for piece, positions in enumerate(pieces):
        seed = 0
        if run.random or run.train.random:
            seed = derive_seed(run.seed, progress.epoch, progress.batch, rank, piece)
        images, labels = run.train.training(positions, seed)
        last = piece == len(pieces) - 1
        synced = nullcontext() if last else accelerator.no_sync(run.model)
        drawn = forked_rng(seed, accelerator.device) if run.random else nullcontext()
        with synced, drawn, explain_small_batches():
            losses = run.task.training_losses(run.model(images), labels)
            # Devices average their gradients, so each gives its share of the batch's mean.
            accelerator.backward(losses.sum() * (world / len(index)))
        total += losses.detach().sum()
    if run.recipe.clip:
        accelerator.clip_grad_norm_(run.model.parameters(), run.recipe.clip)
    # Accelerate's optimiser adds the scaling of fp16, and a search of the disk at each step.
    optimizer = run.optimizer if accelerator.scaler else run.plain
    optimizer.step()
    if run.recipe.filters:
        limit_filters(run.net, run.recipe.filters)
    optimizer.zero_grad()
    run.schedule.step()
    if run.average is not None:
        run.average.update_parameters(run.net)
    progress.seen += len(index)
    run.recent.append(total)


def _monitor(run: Session) -> Generator[Event, None, Metrics | None]:
    measure = run.measure
    if run.monitor is None or measure is None:
        return None
    epoch = run.progress.epoch + 1
    return (yield from measure(run.measured, run.task, run.monitor, run.accelerator, epoch=epoch))


def _account(run: Session, scores: Metrics | None, whole: bool) -> Epoch:
    progress = run.progress
    if scores is not None and not isfinite(scores.loss):
        raise run.diverged(f"the monitored loss is {scores.loss}")
    return Epoch(
        epoch=progress.epoch + 1,
        epochs=run.limits.epochs,
        step=progress.step,
        loss=progress.loss_sum / progress.seen,
        lr=run.optimizer.param_groups[0]["lr"],
        scores=scores,
        seconds=progress.seconds,
        images_per_second=progress.seen / max(progress.seconds, 1e-9),
        best=whole and scores is not None and scores.merit > tuple(progress.best),
    )


def _conclude(run: Session, event: Epoch) -> None:
    """An epoch that was not cut short by the time limit counts."""
    if event.scores is not None and event.best:
        run.progress.best, run.progress.best_epoch = event.scores.merit, event.epoch
    run.schedule.epoch(event.scores.error if event.scores else event.loss)
    run.progress.next_epoch()
