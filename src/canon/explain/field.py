"""The receptive field: which pixels an output can depend on, through every path of the network.

Along each side an output of a layer sees an interval of pixels. A window of F pixels, stride S,
padding P and dilation D, over maps whose neighbours are `jump` pixels apart and whose first output
sees `size` pixels from `low` on, gives

    low - P jump,    size + D (F - 1) jump,    S jump

Where paths meet, the field is the smallest interval that holds those of all paths. Windows are
those of modules: a pooling called as a function, in a layer of somebody else, is not followed, nor
is what enlarges a map.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Span:
    """One side of a receptive field, in pixels.

    Args:
        low: the first pixel that the first output sees; negative in the padding.
        size: how many it sees.
        jump: from an output's field to its neighbour's.
    """

    low: int = 0
    size: int = 1
    jump: int = 1

    @property
    def offset(self) -> float:
        """The middle of the first output's field."""
        return self.low + (self.size - 1) / 2

    def through(self, kernel: int, stride: int, padding: int, dilation: int) -> "Span":
        """The field after one more window."""
        low = self.low - padding * self.jump
        return Span(low, self.size + dilation * (kernel - 1) * self.jump, self.jump * stride)

    def united(self, other: "Span") -> "Span":
        """The smallest field that holds both."""
        low = min(self.low, other.low)
        high = max(self.low + self.size, other.low + other.size)
        return Span(low, high - low, max(self.jump, other.jump))

    def seen_by(self, output: int, pixels: int) -> tuple[int, int]:
        """The pixels of the image that one output sees, from the first to before the last."""
        low = self.low + output * self.jump
        return max(0, low), min(pixels, low + self.size)


@dataclass(frozen=True)
class Field:
    """A receptive field.

    Args:
        height: from top to bottom.
        width: from left to right.
        whole: every output sees the whole image, as after a global pooling.
    """

    height: Span
    width: Span
    whole: bool = False

    def united(self, other: "Field") -> "Field":
        """The smallest field that holds both."""
        spans = self.height.united(other.height), self.width.united(other.width)
        return Field(*spans, self.whole or other.whole)


EVERYTHING = Field(Span(), Span(), whole=True)


def after(layer: nn.Module, field: Field, x: Tensor) -> Field:
    """The field of a layer's outputs, given that of its inputs."""
    if isinstance(layer, nn.Linear | nn.Flatten):
        return replace(field, whole=True)
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        return _after_adaptive(layer, field, x)
    if isinstance(layer, nn.ConstantPad2d):
        left, _, top, _ = layer.padding
        spans = field.height.through(1, 1, top, 1), field.width.through(1, 1, left, 1)
        return replace(field, height=spans[0], width=spans[1])
    window = window_of(layer)
    if window is None:
        return field
    height, width = (
        span.through(*numbers)
        for span, numbers in zip(
            (field.height, field.width), zip(*window, strict=True), strict=True
        )
    )
    return replace(field, height=height, width=width)


def _after_adaptive(
    layer: nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d, field: Field, x: Tensor
) -> Field:
    sides = pair(layer.output_size)
    if set(sides) == {1}:
        return replace(field, whole=True)
    spans = [
        span.through(n - (side - 1) * (n // side), n // side, 0, 1)
        for span, side, n in zip((field.height, field.width), sides, x.shape[-2:], strict=True)
    ]
    return replace(field, height=spans[0], width=spans[1])


Pair = tuple[int, int]


def window_of(layer: nn.Module) -> tuple[Pair, Pair, Pair, Pair] | None:
    """Kernel, stride, padding and dilation, each (height, width); None for a layer without."""
    kernel = getattr(layer, "kernel_size", None)
    flat = isinstance(kernel, int) or (isinstance(kernel, tuple) and len(kernel) == 2)
    if not flat or isinstance(layer, nn.ConvTranspose2d):
        return None
    kernel, dilation = pair(kernel), pair(getattr(layer, "dilation", 1))
    padding = getattr(layer, "padding", 0)
    if isinstance(padding, str):
        reach = (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2)
        padding = reach if padding == "same" else 0
    return kernel, pair(getattr(layer, "stride", 1)), pair(padding), dilation


def pair(sides: Any) -> Pair:
    """Two numbers, where one may have been given for both."""
    return (sides, sides) if isinstance(sides, int) else (sides[0], sides[1])


class Tracer(TorchFunctionMode):
    """Follows receptive fields: through layers by their windows, and through what joins them."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self._kept: list[Tensor] = []  # an id belongs to one tensor as long as it lives
        self._fields: dict[int, Field] = {}
        self._inside = False
        self._set(image, Field(Span(), Span()))

    def _set(self, tensor: Tensor, field: Field) -> None:
        self._kept.append(tensor)
        self._fields[id(tensor)] = field

    def field(self, tensor: Tensor) -> Field:
        """The field of a tensor's places; of one whose origin is not known, everything."""
        return self._fields.get(id(tensor), EVERYTHING)

    @contextmanager
    def watching(self, layers: Iterable[nn.Module]) -> Iterator[None]:
        """Follow a forward pass through these layers."""
        hooks = [layer.register_forward_pre_hook(self._enter) for layer in layers]
        hooks += [layer.register_forward_hook(self._leave) for layer in layers]
        try:
            with self:
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, *_: Any) -> None:
        self._inside = True

    def _leave(self, layer: nn.Module, inputs: tuple[Any, ...], y: Any) -> None:
        self._inside = False
        given = next(tensors(inputs), None)
        for one in tensors([y]):
            known = EVERYTHING if given is None else after(layer, self.field(given), given)
            self._set(one, known)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        y = function(*args, **(kwargs or {}))
        if not self._inside:
            met = [self._fields[id(t)] for t in tensors(args) if id(t) in self._fields]
            if met:
                united = met[0]
                for field in met[1:]:
                    united = united.united(field)
                for one in tensors([y]):
                    self._set(one, united)
        return y


def tensors(values: Any) -> Iterator[Tensor]:
    """All tensors among values, in tuples, lists and dicts too."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, dict):
            yield from tensors(value.values())
        elif isinstance(value, tuple | list):
            yield from tensors(value)
