"""Evaluation over several processes: each takes its own samples, and their figures are joined."""

from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from canon.data.sampling import evaluation_batches
from canon.layers.stages import eval_mode
from canon.training.interfaces import Evaluate
from canon.utils.progress import Step

M = TypeVar("M")


class EvaluationBatches(Protocol):
    """Samples as a network is evaluated on them."""

    def __len__(self) -> int: ...

    def evaluation(self, index: Tensor, /) -> tuple[Tensor, Tensor]:
        """Inputs and targets of the samples at these positions."""


def own_samples(count: int, accelerator: Accelerator) -> range:
    """The positions that this process evaluates."""
    return range(accelerator.process_index, count, accelerator.num_processes)


def joined(figures: Tensor, accelerator: Accelerator) -> Tensor:
    """Rows of figures of all processes; each leaves the rows of the others zero.

    Shape: (N, ...) -> (N, ...), on the CPU
    """
    if accelerator.num_processes == 1:
        return figures.cpu()
    return accelerator.reduce(figures.to(accelerator.device), "sum").cpu()


def image_evaluation(
    batches: EvaluationBatches,
    width: int,
    sample_figures: Callable[[nn.Module, Tensor, Tensor], Tensor],
    metrics: Callable[[Tensor], Any],
    accelerator: Accelerator,
    batch: int = 256,
) -> Evaluate:
    """How to evaluate a network on squares of images, batch by batch.

    Args:
        batches: the samples.
        width: figures of a sample.
        sample_figures: of a network, its outputs (n, K) float32 and the targets: (n, width).
        metrics: of the figures of all samples, (N, width) float64.
        accelerator: the devices.
        batch: images at a time on each device.
    """
    rank, world = accelerator.process_index, accelerator.num_processes
    positions = list(evaluation_batches(len(batches), batch, rank, world))

    def evaluate(net: nn.Module, epoch: int) -> Generator[Step, None, Any]:
        figures = torch.zeros(len(batches), width, dtype=torch.float64)
        for done, index in enumerate(positions, 1):
            with eval_mode(net), accelerator.autocast():
                images, targets = batches.evaluation(index)
                rows = sample_figures(net, net(images).float(), targets)
                figures[index] = rows.cpu().double()
            yield Step("evaluate", epoch, done, len(positions))
        return metrics(joined(figures, accelerator))

    return evaluate
