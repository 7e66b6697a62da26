"""Evaluate a classifier on every sample once, over any number of devices."""

from collections.abc import Generator

import torch
from accelerate import Accelerator
from torch import nn

from canon.data.augment.image_batches import ImageBatches
from canon.data.sampling import evaluation_batches
from canon.layers.stages import eval_mode
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.metrics import ClassificationMetrics
from canon.utils.progress import Step


def evaluate(
    net: nn.Module,
    task: ClassificationLoss,
    data: ImageBatches,
    accelerator: Accelerator,
    batch: int = 256,
    epoch: int = 0,
) -> Generator[Step, None, ClassificationMetrics]:
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
        with eval_mode(net), accelerator.autocast():
            images, labels = data.evaluation(index)
            record[index] = task.record(net(images).float(), labels).cpu().double()
        yield Step("evaluate", epoch, done, len(positions))
    if world > 1:
        record = accelerator.reduce(record.to(accelerator.device), "sum")
    return task.scores(record)
