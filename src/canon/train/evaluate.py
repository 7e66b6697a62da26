"""Measuring a network on every sample once, over however many devices."""

from collections.abc import Generator

import torch
from accelerate import Accelerator
from torch import nn

from canon.data.augment import Batches
from canon.data.split import evaluation_batches
from canon.layers.stages import evaluating
from canon.tasks import Classify, Scores


def evaluate(
    net: nn.Module, task: Classify, data: Batches, accelerator: Accelerator, batch: int = 256
) -> Generator[tuple[int, int], None, Scores]:
    """Yield (batches done, batches) as it goes; return the scores.

    Each process takes its own samples, and the records are added up: no sample counts twice.

    Args:
        net: the network, on its device.
        task: what to measure.
        data: the samples.
        accelerator: the devices.
        batch: images at a time on each device.
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    positions = list(evaluation_batches(len(data), batch, rank, world))
    record = torch.zeros(len(data), 5, dtype=torch.float64)
    for done, index in enumerate(positions, 1):
        with evaluating(net), accelerator.autocast():
            images, labels = data.evaluation(index)
            record[index] = task.record(net(images).float(), labels).cpu()
        yield done, len(positions)
    if world > 1:
        record = accelerator.reduce(record.to(accelerator.device), "sum")
    return task.scores(record)
