"""Measuring a network on every sample once, over however many devices."""

from collections.abc import Callable, Generator
from typing import TypeVar

import torch
from accelerate import Accelerator
from torch import nn

from canon.data.augment import Batches
from canon.data.split import evaluation_batches
from canon.fitting.events import Step
from canon.layers.stages import evaluating
from canon.tasks import Classify, Scores

Figures = TypeVar("Figures")


def evaluate(
    net: nn.Module,
    task: Classify,
    data: Batches,
    accelerator: Accelerator,
    batch: int = 256,
    epoch: int = 0,
) -> Generator[Step, None, Scores]:
    """Yield a step for each batch; return the scores.

    Each process takes its own samples, and the records are added up: no sample counts twice.

    Args:
        net: the network, on its device.
        task: what to measure.
        data: the samples.
        accelerator: the devices.
        batch: images at a time on each device.
        epoch: to be told in the steps.
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    positions = list(evaluation_batches(len(data), batch, rank, world))
    record = torch.zeros(len(data), 5, dtype=torch.float64)
    for done, index in enumerate(positions, 1):
        with evaluating(net), accelerator.autocast():
            images, labels = data.evaluation(index)
            record[index] = task.record(net(images).float(), labels).cpu().double()
        yield Step("evaluate", epoch, done, len(positions))
    if world > 1:
        record = accelerator.reduce(record.to(accelerator.device), "sum")
    return task.scores(record)


def returned(
    going: Generator[Step, None, Figures], watch: Callable[[Step], None] | None = None
) -> Figures:
    """What a generator returns; who watches is told of each step."""
    while True:
        try:
            step = next(going)
        except StopIteration as end:
            return end.value
        if watch is not None:
            watch(step)
