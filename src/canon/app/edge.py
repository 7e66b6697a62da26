"""One edge of a network: from one map to another, number by number."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from canon.analysis.description import short
from canon.analysis.receptive_field import pair
from canon.errors import InputError
from canon.layers.stages import eval_mode, staged
from canon.types import Images

LARGEST = 56  # side of the maps that are sent, pixels; of larger ones the middle


@dataclass(frozen=True)
class Edge:
    """A convolution from one map of its input to one of its output.

    Args:
        layer: its name.
        source: channel of the input.
        target: channel of the output.
        sources: channels of the input that the output map is computed from.
        targets: channels of the output.
        layers: the names of all convolutions that run.
        data: for the page: both maps, the kernel, bias, stride and offset, as plain lists.
    """

    layer: str
    source: int
    target: int
    sources: int
    targets: int
    layers: tuple[str, ...]
    data: dict[str, Any]


def convolutions(net: nn.Module, x: Images) -> list[str]:
    """The names of the convolutions that a forward pass runs, in its order.

    Args:
        net: the network.
        x: (1, C, H, W).
    """
    return [*_maps(net, x)]


def has_convolutions(net: nn.Module) -> bool:
    """Whether a network has a plain convolution."""
    return bool(_layers(net))


def edge(net: nn.Module, x: Images, layer: str, source: int, target: int) -> Edge:
    """The maps of one image at both ends of an edge.

    Args:
        net: the network.
        x: (1, C, H, W).
        layer: the name of a convolution; empty means the first.
        source: channel of its input, among those that the target is computed from.
        target: channel of its output.

    Raises:
        InputError: no such convolution or channel, or a network without convolutions.
    """
    maps = _maps(net, x)
    if not maps:
        raise InputError(
            "the network has no plain convolution; expected one. Choose another network."
        )
    layer = layer or next(iter(maps))
    if layer not in maps:
        raise InputError(
            f"there is no convolution {layer!r}; expected one of the list. Choose another."
        )
    conv, (given, made) = _layers(net)[layer], maps[layer]
    sources, targets = conv.in_channels // conv.groups, conv.out_channels
    for name, channel, count in (("input", source, sources), ("output", target, targets)):
        if not 0 <= channel < count:
            raise InputError(
                f"{layer} has no {name} map {channel}; expected 0 to {count - 1}. Choose another."
            )
    first = target // (conv.out_channels // conv.groups) * sources  # of the group of the target
    kernel = conv.weight[target, source]
    data = _data(conv, given[first + source], made[target], kernel)
    data["bias"] = float(conv.bias[target].detach()) if conv.bias is not None else 0.0
    return Edge(layer, source, target, sources, targets, tuple(maps), data)


def _layers(net: nn.Module) -> dict[str, nn.Conv2d]:
    named = staged(net).named_modules()
    return {short(name): module for name, module in named if type(module) is nn.Conv2d}


def _maps(net: nn.Module, x: Images) -> dict[str, tuple[Tensor, Tensor]]:
    """Input and output, (C, H, W) each, of every convolution that runs, by name."""
    found: dict[str, tuple[Tensor, Tensor]] = {}

    def record(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda _, inputs, y: found.__setitem__(name, (inputs[0][0], y[0]))

    with ExitStack() as hooks, eval_mode(net):
        for name, conv in _layers(net).items():
            hooks.callback(conv.register_forward_hook(record(name)).remove)
        net(x)
    return found


def _data(conv: nn.Conv2d, given: Tensor, made: Tensor, kernel: Tensor) -> dict[str, Any]:
    """Both maps, padded as the convolution pads, as lists; of large ones the middle."""
    (sy, sx), (dy, dx) = pair(conv.stride), pair(conv.dilation)
    padding = (0, 0) if isinstance(conv.padding, str) else pair(conv.padding)
    padded = F.pad(given, (padding[1], padding[1], padding[0], padding[0]))
    rows, columns = (
        min(LARGEST // max(sy, 1), made.shape[0]),
        min(LARGEST // max(sx, 1), made.shape[1]),
    )
    top, left = (made.shape[0] - rows) // 2, (made.shape[1] - columns) // 2
    height = (rows - 1) * sy + dy * (kernel.shape[0] - 1) + 1
    width = (columns - 1) * sx + dx * (kernel.shape[1] - 1) + 1
    part = padded[top * sy : top * sy + height, left * sx : left * sx + width]
    return {
        "input": _lists(part), "output": _lists(made[top : top + rows, left : left + columns]),
        "kernel": _lists(kernel), "stride": [sy, sx], "dilation": [dy, dx], "first": [top, left],
        "whole": rows == made.shape[0] and columns == made.shape[1],
    }  # fmt: skip


def _lists(values: Tensor) -> list[list[float]]:
    return [[round(v, 5) for v in row] for row in values.detach().double().tolist()]
