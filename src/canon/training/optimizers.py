"""The optimizer of a recipe: torch's own, or the method of 1998."""

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer, RMSprop

from canon.training.diagonal_lm import DiagonalLM
from canon.training.recipe import Recipe


def make_optimizer(recipe: Recipe, net: nn.Module) -> Optimizer:
    """The recipe's optimiser over the parameters of a network that are trained."""
    groups = parameter_groups(recipe, net)
    fused = next(net.parameters()).device.type in ("cpu", "cuda")  # one pass over the weights
    if recipe.optimizer == "adamw":
        return AdamW(groups, lr=recipe.lr, fused=fused)
    if recipe.optimizer == "rmsprop":
        alpha, eps = recipe.alpha, recipe.eps
        return RMSprop(groups, lr=recipe.lr, alpha=alpha, eps=eps, momentum=recipe.momentum)
    if recipe.optimizer == "levenberg":
        return DiagonalLM([p for g in groups for p in g["params"]], lr=recipe.lr)
    nesterov = recipe.optimizer == "nesterov"
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


@torch.no_grad()
def limit_filters(net: nn.Module, radius: float) -> None:
    """Scale each filter of a convolution whose root mean square exceeds `radius` down to it.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 3.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.requires_grad:
            size = layer.weight.square().mean((1, 2, 3), keepdim=True).sqrt()
            layer.weight.mul_(radius / size.clamp_min(radius))
