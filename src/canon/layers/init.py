"""Initialisations of the papers, from an explicit generator.

Each sets every convolution and linear layer of a network, its biases to zero, and leaves scales
at one and shifts at zero. One seed gives the same weights on every machine.
"""

from collections.abc import Callable, Iterator
from math import prod, sqrt

import torch
from torch import Generator, nn

Weighted = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def weighted(net: nn.Module) -> Iterator[Weighted]:
    """The convolutions and linear layers of a network, in its order.

    Layers on the meta device are left out: they have no memory, and drawing takes a second.
    """
    for module in net.modules():
        if isinstance(module, Weighted) and not module.weight.is_meta:
            yield module


def fan_in(layer: Weighted) -> int:
    """Inputs that one output sums over; for a transposed convolution, the mean over positions."""
    if isinstance(layer, nn.ConvTranspose2d):
        per_input = prod(layer.kernel_size) / prod(layer.stride)
        return max(1, round(layer.in_channels // layer.groups * per_input))
    return prod(layer.weight.shape[1:])


def fan_out(layer: Weighted) -> int:
    """Outputs that one input is summed into, at stride one."""
    groups = 1 if isinstance(layer, nn.Linear) else layer.groups
    return layer.weight.shape[0] * prod(layer.weight.shape[2:]) // groups


def generator(seed: int) -> Generator:
    """A CPU generator, so that weights do not depend on the device."""
    return Generator().manual_seed(seed)


@torch.no_grad()
def gaussian(net: nn.Module, std: float, seed: int) -> None:
    """N(0, std^2) for all weights (Krizhevsky et al. 2012, section 5: std 0.01)."""
    source = generator(seed)
    for layer in weighted(net):
        layer.weight.normal_(0, std, generator=source)
        zero_bias(layer)


@torch.no_grad()
def he(net: nn.Module, seed: int, fan: Callable[[Weighted], int] = fan_in) -> None:
    """N(0, 2/fan) (He et al., "Delving Deep into Rectifiers", ICCV 2015, equation 10 or 14)."""
    source = generator(seed)
    for layer in weighted(net):
        layer.weight.normal_(0, sqrt(2 / fan(layer)), generator=source)
        zero_bias(layer)


@torch.no_grad()
def glorot(net: nn.Module, seed: int) -> None:
    """U(-a, a), a = sqrt(6/(fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010, equation 16)."""
    source = generator(seed)
    for layer in weighted(net):
        fans = fan_in(layer) + fan_out(layer)
        if isinstance(layer, nn.ConvTranspose2d):  # the fans of the convolution that it transposes
            fans = sum(layer.weight.shape[:2]) * prod(layer.kernel_size)
        limit = sqrt(6 / fans)
        layer.weight.uniform_(-limit, limit, generator=source)
        zero_bias(layer)


@torch.no_grad()
def uniform(net: nn.Module, seed: int) -> None:
    """U(-a, a), a = 1/sqrt(fan_in): a variance of 1/(3 fan_in) (the code of IDEC)."""
    source = generator(seed)
    for layer in weighted(net):
        limit = sqrt(1 / fan_in(layer))
        layer.weight.uniform_(-limit, limit, generator=source)
        zero_bias(layer)


def zero_bias(layer: nn.Module) -> None:
    """Set the bias of a layer to zero, if it has one."""
    bias = getattr(layer, "bias", None)
    if bias is not None:
        bias.zero_()
