"""The stochastic diagonal Levenberg-Marquardt method of 1998.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), 1998, appendix C: each weight has its own step,

    eps_k = eta / (mu + h_kk)                                                        (equation 18)

with h_kk a running estimate of the diagonal second derivative of the loss, taken anew on 500
patterns before each pass, in the Gauss-Newton approximation that drops the second derivatives of
the activations. A weight used in several places sums what it does in each.

The paper does not say how the second term of its criterion enters. Here the curvature of the loss
over F6 is that of the first, the distance y_D to the true class: the other's, p (1 - p) in the
outputs, vanishes wherever one class is far ahead, which at the start is everywhere, and steps
without curvature diverge. Nor does it say in what units the loss is when mu is 0.02; with the
distances as they are written that saturates the network within a hundred patterns, because the
initial weights let hardly any signal through and the first curvature is nearly zero. mu is 0.5.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

from canon.models.lenet5 import RBF, ScaledTanh
from canon.training.interfaces import Batches
from canon.types import Images

PATTERNS = 500


@runtime_checkable
class Patterns(Protocol):
    """Batches that also give samples as they are evaluated, without augmentation."""

    def evaluation(self, index: Tensor, /) -> tuple[Tensor, Tensor]:
        """The samples at these positions."""


class DiagonalLM(Optimizer):
    """Gradient descent with a step of its own for each weight.

    Args:
        params: the weights.
        lr: eta, the global learning rate.
        mu: keeps steps finite where the loss is flat.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, mu: float = 0.5) -> None:
        super().__init__(params, {"lr": lr, "mu": mu})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """One step; the curvature must have been measured."""
        for group in self.param_groups:
            for p in group["params"]:
                rate = self.state[p]["rate"]
                p.addcmul_(p.grad, rate, value=-group["lr"])

    def begin_epoch(self, net: nn.Module, batches: Batches, order: Tensor) -> None:
        """Estimate the curvature on the first patterns of an epoch."""
        assert isinstance(batches, Patterns)
        self.measure(net, batches.evaluation(order[:PATTERNS])[0])

    def measure(self, net: nn.Module, images: Images) -> None:
        """Estimate the curvature on a few patterns, and from it the step of each weight."""
        by_name = {name: p for name, p in net.named_parameters() if p.requires_grad}
        curvatures = diagonal_curvature(net, images)
        for name in by_name:
            curvature = curvatures[name]
            self.state[by_name[name]]["rate"] = 1 / (self.param_groups[0]["mu"] + curvature)


@torch.enable_grad()
def diagonal_curvature(net: nn.Module, images: Images) -> dict[str, Tensor]:
    """h_kk of every weight, the mean over the images: like the weights in name and shape.

    Second derivatives go backwards as gradients do, through squared weights and squared inputs
    (equations 21 to 25).
    """
    layers = [(n, m) for n, m in net.named_modules() if not any(m.children())]
    inputs, x = [], images
    for _, layer in layers:
        inputs.append(x)
        x = layer(x).detach()
    back = x.new_zeros(())
    found: dict[str, Tensor] = {}
    for (name, layer), x in reversed(list(zip(layers, inputs, strict=True))):
        weights = {n: p.detach() for n, p in layer.named_parameters()}
        if weights:
            found |= {
                f"{name}.{n}": h / len(images) for n, h in _of_weights(layer, x, back).items()
            }
        back = _of_inputs(layer, weights, x, back)
    return found


def _of_weights(layer: nn.Module, x: Tensor, back: Tensor) -> dict[str, Tensor]:
    params = {n: p.detach().requires_grad_() for n, p in layer.named_parameters()}
    y = functional_call(layer, params, x.square())
    grads = torch.autograd.grad(y, list(params.values()), back)
    return dict(zip(params, grads, strict=True))


def _of_inputs(layer: nn.Module, weights: dict[str, Tensor], x: Tensor, back: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    if isinstance(layer, RBF):  # d2 y_D / dx_j^2, y_D = sum_j (x_j - w_Dj)^2
        return torch.full_like(x, 2.0)
    if isinstance(layer, ScaledTanh):
        y = layer(x)
        (slope,) = torch.autograd.grad(y, x, torch.ones_like(y))
        return back * slope.square()
    squared = {n: p.square() for n, p in weights.items()}
    y = functional_call(layer, squared, x)
    return torch.autograd.grad(y, x, back)[0]
