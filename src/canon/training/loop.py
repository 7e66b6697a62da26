"""The training loop: a generator of events.

Everything random in a run is a function of (seed, epoch, batch), so a resumed run continues from
any batch exactly as if it had never been interrupted.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from math import isfinite
from typing import Any, Literal

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data.augment.draws import Part
from canon.data.sampling import batch_slices, epoch_order, process_share
from canon.training.checkpoint import Checkpoints, TrainPosition, TrainState
from canon.training.ema import moving_average
from canon.training.events import Epoch, Event, Stopped
from canon.training.interfaces import Batches, Evaluate, Metrics, Objective
from canon.training.optimizers import limit_filters, make_optimizer
from canon.training.recipe import Limits, Recipe
from canon.training.schedules import LearningRate
from canon.training.session import Job, Learner, Session
from canon.training.train_mode import explain_small_batches, set_train_mode, uses_dropout
from canon.utils.progress import Step
from canon.utils.seeding import derive_seed, forked_rng

CHECK = 20  # steps between checks of the losses: each check waits for the device


def fit(
    net: nn.Module,
    objective: Objective,
    batches: Batches,
    recipe: Recipe[Any],
    accelerator: Accelerator,
    *,
    limits: Limits,
    evaluate: Evaluate | None = None,
    checkpoints: Checkpoints | None = None,
    seed: int = 0,
) -> Generator[Event, None, None]:
    """Train a network and yield what happens. Closing the generator saves the state first.

    Args:
        net: the network, on the accelerator's device; trained in place.
        objective: its loss.
        batches: the training samples.
        recipe: optimizer, schedule, batch size.
        accelerator: devices and precision.
        limits: epochs, time, patience.
        evaluate: called after each epoch with the network to keep; None evaluates nothing.
        checkpoints: where states are saved, and whether to resume; None saves none.
        seed: of the order, the augmentation and dropout.

    Raises:
        NonFiniteError: the loss or a weight is not finite; saved states are from before.
    """
    average = moving_average(net, recipe.average) if recipe.average else None
    plain = make_optimizer(
        recipe.optimizer, net, recipe.lr, recipe.decay, decay_norms=recipe.decay_norms
    )
    steps = limits.epochs * len(batch_slices(len(batches), recipe.batch))
    schedule = LearningRate(recipe.schedule, plain, steps, limits.epochs)
    position = TrainPosition()
    model, optimizer = accelerator.prepare(objective.module(net), plain)
    if checkpoints and checkpoints.resume:
        checkpoints.load(accelerator, TrainState(position, schedule, average))
    learner = Learner(net, model, objective, plain, optimizer, schedule, average)
    job = Job(batches, recipe, limits, evaluate, checkpoints, seed)
    session = Session(learner, job, accelerator, position, uses_dropout(net))
    try:
        yield from _epochs(session)
    except GeneratorExit:
        if accelerator.num_processes == 1:  # several are at different steps: the last save counts
            session.save()
        raise


def _epochs(session: Session) -> Iterator[Event]:
    position, limits = session.position, session.job.limits
    while position.epoch < limits.epochs:
        if limits.patience and position.epoch - position.best_epoch >= limits.patience:
            yield _stopped(session, "patience", position.epoch)
            return
        yield from _train(session)
        session.save()
        metrics = yield from _evaluate(session)
        whole = position.batch == len(session.job.slices)
        event = _epoch_event(session, metrics, whole)
        if whole:
            _end_epoch(session, event)
        yield event
        if whole:
            session.save()
        if not whole or session.agreed(session.out_of_time()):
            yield _stopped(session, "time", event.epoch)
            return
    yield _stopped(session, "epochs", position.epoch)


def _stopped(
    session: Session, reason: Literal["epochs", "time", "patience"], epoch: int
) -> Stopped:
    position, steps = session.position, session.job.limits.epochs * len(session.job.slices)
    return Stopped(reason, epoch, position.best_epoch, position.step, steps)


def _train(session: Session) -> Iterator[Event]:
    position, job, learner = session.position, session.job, session.learner
    order, slices = epoch_order(len(job.batches), job.seed, position.epoch), job.slices
    set_train_mode(learner.net)
    for batch in slices[position.batch :]:
        started = time.perf_counter()
        if position.batch == 0:
            for part in learner.epoch_starters:
                part.begin_epoch(learner.net, job.batches, order)
        _step(session, order[batch])
        position.batch, position.step = position.batch + 1, position.step + 1
        if len(session.recent) == CHECK or position.batch == len(slices):
            session.collect_losses()
        position.seconds += time.perf_counter() - started
        yield Step("train", position.epoch + 1, position.batch, len(slices))
        if session.recent and session.accelerator.num_processes > 1:
            continue  # devices look at the clock together, when they check the losses
        if session.agreed(session.out_of_time()):
            return
        if session.agreed(time.perf_counter() - session.saved_at > job.limits.save_every):
            session.save()


def _step(session: Session, index: Tensor) -> None:
    position, accelerator = session.position, session.accelerator
    job, learner = session.job, session.learner
    rank, world = accelerator.process_index, accelerator.num_processes
    pieces = process_share(torch.arange(len(index)), rank, world).chunk(job.limits.accumulate)
    total = torch.zeros((), device=accelerator.device)
    of_batch = (job.seed, position.epoch, position.batch)
    seed = derive_seed(*of_batch, 0, 0) if job.batches.random else 0
    for piece, places in enumerate(pieces):
        part = Part(places, len(index)) if len(places) < len(index) else None
        inputs, targets = job.batches.training(index[places], seed, part)
        last = piece == len(pieces) - 1
        synced = nullcontext() if last else accelerator.no_sync(learner.model)
        dropout = derive_seed(*of_batch, rank, piece) if session.random else 0
        drawn = forked_rng(dropout, accelerator.device) if session.random else nullcontext()
        with synced, drawn, explain_small_batches():
            losses = learner.objective.losses(learner.model(inputs), targets)
            # Devices average their gradients, so each gives its share of the batch's mean.
            accelerator.backward(losses.sum() * (world / len(index)))
        total += losses.detach().sum()
    if job.recipe.clip:
        accelerator.clip_grad_norm_(learner.model.parameters(), job.recipe.clip)
    # Accelerate's optimizer adds the scaling of fp16, and a search of the disk at each step.
    optimizer = learner.optimizer if accelerator.scaler else learner.plain
    optimizer.step()
    if job.recipe.filters:
        limit_filters(learner.net, job.recipe.filters)
    optimizer.zero_grad()
    learner.schedule.step()
    if learner.average is not None:
        learner.average.update_parameters(learner.net)
    position.seen += len(index)
    session.recent.append(total)


def _evaluate(session: Session) -> Generator[Event, None, Metrics | None]:
    if session.job.evaluate is None:
        return None
    return (yield from session.job.evaluate(session.learner.evaluated, session.position.epoch + 1))


def _epoch_event(session: Session, metrics: Metrics | None, whole: bool) -> Epoch:
    position = session.position
    if metrics is not None and not isfinite(metrics.loss):
        raise session.diverged(f"the monitored loss is {metrics.loss}")
    return Epoch(
        epoch=position.epoch + 1,
        epochs=session.job.limits.epochs,
        step=position.step,
        loss=position.loss_sum / position.seen,
        lr=session.learner.optimizer.param_groups[0]["lr"],
        metrics=metrics,
        seconds=position.seconds,
        images_per_second=position.seen / max(position.seconds, 1e-9),
        best=whole and metrics is not None and metrics.ranking > tuple(position.best),
        network=session.learner.evaluated,
        remaining=session.remaining(),
    )


def _end_epoch(session: Session, event: Epoch) -> None:
    """Count an epoch that the time limit did not cut short."""
    if event.metrics is not None and event.best:
        session.position.best, session.position.best_epoch = event.metrics.ranking, event.epoch
    session.learner.schedule.epoch(event.metrics.error if event.metrics else event.loss)
    session.position.next_epoch()
