"""Exponential moving average of weights and statistics."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Tensors = tuple[Tensor, ...] | list[Tensor]


def moving_average(net: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of weights and statistics.

    The decay grows as (1 + n)/(10 + n) up to its value, so that a short run does not average in
    the weights it started from.
    """

    def update(averages: Tensors, current: Tensors, count: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # torch's average would truncate whole numbers
            torch._foreach_copy_(averages, current)
            return
        n = int(count)
        get_ema_multi_avg_fn(min(decay, (1 + n) / (10 + n)))(averages, current, n)

    with torch.no_grad():
        return AveragedModel(net, multi_avg_fn=update, use_buffers=True)
