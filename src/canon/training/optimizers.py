"""The optimizers of the recipes: torch's own, and the method of 1998."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn, optim

from canon.training import diagonal_lm

Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum.

    Args:
        momentum: share of the last update that is added to the next.
        nesterov: in Nesterov's form.
    """

    kind: str = field(default="sgd", init=False)
    momentum: float = 0.9
    nesterov: bool = False

    def __str__(self) -> str:
        return f"SGD with {'Nesterov ' if self.nesterov else ''}momentum {self.momentum:g}"

    def build(self, groups: Groups, lr: float, *, fused: bool) -> optim.Optimizer:
        """Torch's optimizer of these parameters."""
        return optim.SGD(groups, lr=lr, momentum=self.momentum, nesterov=self.nesterov, fused=fused)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay.

    Args:
        betas: shares of the old mean and mean square of the gradient in the new.
    """

    kind: str = field(default="adamw", init=False)
    betas: tuple[float, float] = (0.9, 0.999)

    def __str__(self) -> str:
        return (
            "AdamW"
            if self.betas == (0.9, 0.999)
            else "AdamW with betas {:g}, {:g}".format(*self.betas)
        )

    def build(self, groups: Groups, lr: float, *, fused: bool) -> optim.Optimizer:
        """Torch's optimizer of these parameters."""
        return optim.AdamW(groups, lr=lr, betas=self.betas, fused=fused)


@dataclass(frozen=True)
class RMSprop:
    """Gradients divided by the root of their mean square.

    Args:
        alpha: share of the old mean square in the new.
        eps: added to the root of the mean square.
        momentum: share of the last update that is added to the next.
    """

    kind: str = field(default="rmsprop", init=False)
    alpha: float = 0.9
    eps: float = 1.0
    momentum: float = 0.9

    def __str__(self) -> str:
        return (
            f"RMSprop with alpha {self.alpha:g}, epsilon {self.eps:g}, momentum {self.momentum:g}"
        )

    def build(self, groups: Groups, lr: float, *, fused: bool) -> optim.Optimizer:  # noqa: ARG002
        """Torch's optimizer of these parameters, which has no fused form."""
        return optim.RMSprop(groups, lr=lr, alpha=self.alpha, eps=self.eps, momentum=self.momentum)


@dataclass(frozen=True)
class DiagonalLM:
    """The stochastic diagonal Levenberg-Marquardt method of 1998.

    Args:
        mu: keeps steps finite where the loss is flat.
    """

    kind: str = field(default="diagonal-lm", init=False)
    mu: float = 0.5

    def __str__(self) -> str:
        return f"diagonal Levenberg-Marquardt with mu {self.mu:g}"

    def build(self, groups: Groups, lr: float, *, fused: bool) -> optim.Optimizer:  # noqa: ARG002
        """The optimizer of these parameters, which knows no weight decay."""
        params: Iterable[torch.Tensor] = [p for group in groups for p in group["params"]]
        return diagonal_lm.DiagonalLM(params, lr, self.mu)


OptimizerConfig = SGD | AdamW | RMSprop | DiagonalLM


def make_optimizer(
    optimizer: OptimizerConfig,
    net: nn.Module,
    lr: float,
    decay: float = 0.0,
    *,
    decay_norms: bool = False,
) -> optim.Optimizer:
    """The optimizer of the parameters of a network that are trained."""
    fused = next(net.parameters()).device.type in ("cpu", "cuda")  # one pass over the weights
    return optimizer.build(parameter_groups(net, decay, decay_norms=decay_norms), lr, fused=fused)


def parameter_groups(net: nn.Module, decay: float, *, decay_norms: bool) -> Groups:
    """Trained parameters with their weight decay; vectors have none unless all have it."""
    trained = [p for p in net.parameters() if p.requires_grad]
    spared = [p for p in trained if p.dim() < 2 and not decay_norms]
    known = set(map(id, spared))
    decayed = [p for p in trained if id(p) not in known]
    groups = [(decayed, decay), (spared, 0.0)]
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
