"""A network with one changed layer: what every layer becomes, and why a change is illegal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from canon.analysis.convolution import Kind, Window
from canon.analysis.description import Description, LayerRow, short
from canon.analysis.layer_table import build_on_meta, describe
from canon.analysis.receptive_field import window_of
from canon.errors import InputError

Windowed = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


@dataclass(frozen=True)
class Change:
    """New numbers for the window of a layer, in pixels.

    Args:
        layer: its name in the layer table.
        kernel: side of the window.
        stride: step of the window.
        padding: pixels on each side.
    """

    layer: str
    kernel: int
    stride: int
    padding: int


@dataclass(frozen=True)
class Altered:
    """A network before and after a change.

    Args:
        before: the layer table as published, at the same input size.
        after: with the change; None if later layers do not fit together.
        window: the changed layer; None if nothing is changed.
        reason: why later layers do not fit, in a sentence.
    """

    before: Description
    after: Description | None
    window: Window | None = None
    reason: str = ""

    def rows(self) -> Iterator[tuple[LayerRow, LayerRow | None]]:
        """Every layer with a window or weights before the change, and after it."""
        later = {row.name: row for row in self.after.rows} if self.after else {}
        for row in self.before.rows:
            if row.kernel is not None or row.params:
                yield row, later.get(row.name)


@lru_cache(32)
def _published(model: str, image: int | None) -> tuple[Description, dict[str, torch.Size]]:
    """The layer table, and the shape of what each layer that can be changed takes."""
    net, size, channels = build_on_meta(model, image, None, None)
    inputs: dict[str, torch.Size] = {}

    def record(name: str) -> Callable[[nn.Module, Any], None]:
        return lambda _, given: inputs.__setitem__(name, given[0].shape)

    for name, layer in _layers(net).items():  # of a network that is thrown away
        layer.register_forward_pre_hook(record(name))
    return describe(net, size, channels=channels), inputs


def altered(model: str, image: int | None, change: Change | None = None) -> Altered:
    """The layer table of a registered network with a changed layer and input size.

    Linear layers take as many inputs as the changed maps give; otherwise nothing is adapted.

    Args:
        model: a registered name.
        image: side of the input in pixels; None means the paper's.
        change: of one layer; None changes nothing.

    Raises:
        InputError: an unknown name, a size that the network does not take, or no such layer.
    """
    before, inputs = _published(model, image)
    if change is None:
        return Altered(before, before)
    if change.layer not in inputs:
        raise InputError(
            f"{model} has no layer {change.layer!r} with a window that can be changed; expected a "
            "convolution or a pooling. Choose one in the table."
        )
    net, size, channels = build_on_meta(model, image, None, None)
    layer = _layers(net)[change.layer]
    row = next(row for row in before.rows if row.name == change.layer)
    window = _window(layer, inputs[change.layer], row, change)
    _ = window.output  # refuses a window that does not fit
    _set(layer, change)
    for module in net.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_pre_hook(_adapt)
    try:
        return Altered(before, describe(net, size, channels=channels), window)
    except InputError as refusal:
        reason = str(refusal).partition("(")[2].rpartition("); expected")[0]
        return Altered(before, None, window, _in_words(reason))


def changeable(model: str, image: int | None = None) -> list[str]:
    """The names of the layers of a network that can be changed: those with square windows."""
    return [*_published(model, image)[1]]


def unchanged(model: str, image: int | None, layer: str) -> Change:
    """The window of a layer as published.

    Raises:
        InputError: no such layer.
    """
    table, _ = _published(model, image)
    row = next((row for row in table.rows if row.name == layer), None)
    if row is None or row.kernel is None or row.stride is None or row.padding is None:
        raise InputError(
            f"{model} has no layer {layer!r} with a window; expected a convolution or a pooling. "
            "Choose one in the table."
        )
    return Change(layer, row.kernel[0], row.stride[0], row.padding[0])


def _layers(net: nn.Module) -> dict[str, Windowed]:
    """Convolutions and poolings with square windows, by their names in the layer table."""
    found = {}
    for name, module in net.named_modules():
        window = window_of(module) if isinstance(module, Windowed) else None
        if window is not None and all(side[0] == side[1] for side in window):
            found[short(name)] = module
    return found


def _set(layer: Windowed, change: Change) -> None:
    k, s, p = ((n, n) for n in (change.kernel, change.stride, change.padding))
    layer.kernel_size, layer.stride, layer.padding = k, s, p
    if isinstance(layer, nn.Conv2d):
        layer.padding_mode = "zeros"
        shape = (*layer.weight.shape[:2], *k)
        layer.weight = nn.Parameter(torch.empty(shape, device="meta"))


def _adapt(linear: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Give a linear layer as many weights as it now has inputs."""
    assert isinstance(linear, nn.Linear)
    found = inputs[0].shape[-1]
    if found != linear.in_features:
        linear.in_features = found
        linear.weight = nn.Parameter(torch.empty(linear.out_features, found, device="meta"))


def _window(layer: Windowed, given: torch.Size, row: LayerRow, change: Change) -> Window:
    """The changed layer by itself, for an input (N, C, H, W)."""
    kind: Kind = "convolution" if isinstance(layer, nn.Conv2d) else "pooling"
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    return Window((given[2], given[3]), given[1], change.kernel, row.output[0], change.stride,
                  change.padding, groups=groups, kind=kind)  # fmt: skip


def _in_words(reason: str) -> str:
    """Why later layers do not fit, from torch's message."""
    if any(word in reason for word in ("broadcast", "must match", "Sizes of tensors")):
        return "two branches that are joined later would have maps of different sizes."
    if any(word in reason for word in ("greater than actual", "too small", "smaller than")):
        return "a later layer would get maps that are smaller than its window."
    return f"a later layer does not take the new maps: {reason}."
