"""Optimisers, schedules and averaging, from a recipe: torch's own, and the 1998 method."""

from math import cos, floor, pi
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from canon.fitting.levenberg import DiagonalLevenberg
from canon.fitting.recipe import Recipe

Tensors = tuple[Tensor, ...] | list[Tensor]


def optimiser(recipe: Recipe, net: nn.Module) -> Optimizer:
    """The recipe's optimiser over the parameters of a network that are trained."""
    groups = parameter_groups(recipe, net)
    fused = next(net.parameters()).device.type in ("cpu", "cuda")  # one pass over the weights
    if recipe.optimiser == "adamw":
        return AdamW(groups, lr=recipe.lr, fused=fused)
    if recipe.optimiser == "rmsprop":
        alpha, eps = recipe.alpha, recipe.eps
        return RMSprop(groups, lr=recipe.lr, alpha=alpha, eps=eps, momentum=recipe.momentum)
    if recipe.optimiser == "levenberg":
        return DiagonalLevenberg([p for g in groups for p in g["params"]], lr=recipe.lr)
    nesterov = recipe.optimiser == "nesterov"
    momentum = recipe.momentum
    return SGD(groups, lr=recipe.lr, momentum=momentum, nesterov=nesterov, fused=fused)


def parameter_groups(recipe: Recipe, net: nn.Module) -> list[dict[str, Any]]:
    """Trained parameters with their weight decay; vectors have none unless all have it."""
    trained = [p for p in net.parameters() if p.requires_grad]
    spared = [p for p in trained if p.dim() < 2 and not recipe.decay_norms]
    known = set(map(id, spared))
    decayed = [p for p in trained if id(p) not in known]
    groups = [(decayed, recipe.decay), (spared, 0.0)]
    return [{"params": params, "weight_decay": decay} for params, decay in groups if params]


class Schedule:
    """The learning rate of a run: a factor each step, or a drop when validation stalls.

    Args:
        recipe: names the schedule.
        over: the optimiser.
        steps: of the whole run.
        epochs: of the whole run.
    """

    def __init__(self, recipe: Recipe, over: Optimizer, steps: int, epochs: int) -> None:
        warmup = round(min(recipe.warmup / epochs, 0.2) * steps)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            if recipe.schedule == "step":
                begun = [f for fraction, f in recipe.steps if step >= round(fraction * steps)]
                return begun[-1] if begun else 1.0
            if recipe.schedule == "exponential":
                passed = step * epochs / steps + 1e-9  # epochs, safe from rounding at their ends
                return recipe.factor ** floor(passed / recipe.every)
            if recipe.schedule == "cosine":
                return 0.5 * (1 + cos(pi * (step - warmup) / max(1, steps - warmup)))
            return 1.0

        self.each_step = LambdaLR(over, factor) if recipe.schedule != "plateau" else None
        self.each_epoch = (
            ReduceLROnPlateau(over, mode="min", factor=0.1, patience=5)
            if recipe.schedule == "plateau"
            else None
        )

    def step(self) -> None:
        """After each step of the optimiser."""
        if self.each_step is not None:
            self.each_step.step()

    def epoch(self, error: float) -> None:
        """After each epoch, with the monitored error."""
        if self.each_epoch is not None:
            self.each_epoch.step(error)

    def state_dict(self) -> dict[str, object]:
        """What resuming needs."""
        return (self.each_step or self.each_epoch).state_dict()  # type: ignore[union-attr]

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Go on from a saved state."""
        (self.each_step or self.each_epoch).load_state_dict(state)  # type: ignore[union-attr]


def averaged(net: nn.Module, decay: float) -> AveragedModel:
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


@torch.no_grad()
def limit_filters(net: nn.Module, radius: float) -> None:
    """Scale each filter of a convolution whose root mean square exceeds `radius` down to it.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 3.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.requires_grad:
            size = layer.weight.square().mean((1, 2, 3), keepdim=True).sqrt()
            layer.weight.mul_(radius / size.clamp_min(radius))
