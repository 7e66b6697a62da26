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
LARGEST = 256  # kernel, stride and padding, pixels


@dataclass(frozen=True)
class Change:
    """New numbers for the window of a layer, in pixels.

    Args:
        layer: its name in the layer table.
        kernel: side of the window.
        stride: step of the window.
        padding: pixels on each side.

    Raises:
        InputError: a number out of range.
    """

    layer: str
    kernel: int
    stride: int
    padding: int

    def __post_init__(self) -> None:
        for name, least in (("kernel", 1), ("stride", 1), ("padding", 0)):
            if not least <= (value := getattr(self, name)) <= LARGEST:
                raise InputError(
                    f"the {name} is {value}; expected {least} to {LARGEST} pixels. Enter another "
                    "one."
                )


@dataclass(frozen=True)
class Effect:
    """A network before and after a change.

    Args:
        before: the layer table as published, at the same input size.
        after: with the change; None if later layers do not fit together.
        window: the changed layer by itself; None if nothing is changed.
        output: height, width and channels of the changed layer.
        rounded_up: whether a fraction is rounded up, as in poolings of Caffe.
        reason: why later layers do not fit, in a sentence.
    """

    before: Description
    after: Description | None
    window: Window | None = None
    output: tuple[int, ...] = ()
    rounded_up: bool = False
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


def published_effect(model: str, image: int | None) -> Effect:
    """The network without a change.

    Raises:
        InputError: an unknown name, or a size that the network does not take.
    """
    before, _ = _published(model, image)
    return Effect(before, before)


def effect_of(model: str, image: int | None, change: Change) -> Effect:
    """The layer table of a registered network with a changed layer.

    Linear layers take as many inputs as the changed maps give; otherwise nothing is adapted.

    Args:
        model: a registered name.
        image: side of the input in pixels; None means the paper's.
        change: of one layer.

    Raises:
        InputError: an unknown name, a size that the network does not take, no such layer, or a
            window that does not fit its input.
    """
    before, inputs = _published(model, image)
    if change.layer not in inputs:
        raise InputError(
            f"{model} has no layer {change.layer!r} with a window that can be changed; expected a "
            "convolution or a pooling. Choose one in the table."
        )
    net, size, channels = build_on_meta(model, image, None, None)
    layer = _layers(net)[change.layer]
    _require_padding(layer, change)
    row = next(row for row in before.rows if row.name == change.layer)
    window = _window(layer, inputs[change.layer], row, change)
    rounded_up = bool(getattr(layer, "ceil_mode", False))
    output = window.output  # refuses a window that does not fit
    _set(layer, change)
    for module in net.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_pre_hook(_adapt)
    try:
        after = describe(net, size, channels=channels)
    except InputError as refusal:
        reason = _in_words(str(refusal.__cause__))
        return Effect(before, None, window, output, rounded_up, reason)
    channel, *sides = next(r for r in after.rows if r.name == change.layer).output
    return Effect(before, after, window, (*sides, channel), rounded_up)


def changeable(model: str, image: int | None = None) -> list[str]:
    """The names of the layers of a network that can be changed: those with square windows."""
    return [*_published(model, image)[1]]


def published_window(model: str, image: int | None, layer: str) -> Change:
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


def _require_padding(layer: Windowed, change: Change) -> None:
    """Refuse what torch refuses: a pooling that is padded by more than half its window."""
    if not isinstance(layer, nn.Conv2d) and change.padding > change.kernel // 2:
        raise InputError(
            f"the padding is {change.padding}; a pooling of {change.kernel} pixels takes at most "
            f"{change.kernel // 2}. Choose a smaller padding or a larger kernel."
        )


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
    conv = isinstance(layer, nn.Conv2d)
    kind: Kind = "convolution" if conv else "pooling"
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    bias = isinstance(layer, nn.Conv2d) and layer.bias is not None
    return Window((given[2], given[3]), given[1], change.kernel, row.output[0], change.stride,
                  change.padding, groups=groups, kind=kind, bias=bias)  # fmt: skip


def _in_words(reason: str) -> str:
    """Why later layers do not fit, from torch's message."""
    first = reason.partition("\n")[0]
    if any(word in first for word in ("broadcast", "must match", "Sizes of tensors")):
        return "two branches that are joined later would have maps of different sizes."
    if any(word in first for word in ("greater than actual", "too small", "smaller than")):
        return "a later layer would get maps that are smaller than its window."
    return f"a later layer does not take the new maps: {first}."
