"""The receptive field of every layer, along every path of the network.

Where paths join, the field is the smallest interval that contains the fields of all paths. Only
modules have windows: poolings and upsamplings called as functions are not traced.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from math import ceil, floor
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from canon.analysis.intervals import WHOLE_IMAGE, FieldIntervals, Inputs, ReceptiveField
from canon.layers.upsample import BedOfNails, Crop

Sides = tuple[int, int]
LayerStep = tuple[Inputs, int, int]  # arguments of `FieldIntervals.through`

# Their output has the shape of their input, which is passed on instead: deep networks are traced in
# a third of the time.
ELEMENTWISE = (F.batch_norm, F.relu, F.dropout)


def field_after(layer: nn.Module, field: ReceptiveField, x: Tensor) -> ReceptiveField:
    """The field of a layer's outputs, given the field of its inputs."""
    if isinstance(layer, nn.Linear | nn.Flatten):
        return replace(field, whole=True)
    adaptive = isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d)
    if adaptive and set(pair(layer.output_size)) == {1}:
        return replace(field, whole=True)
    steps = steps_of(layer, x)
    if steps is None:
        return field
    return replace(field, height=field.height.through(*steps[0]),
                   width=field.width.through(*steps[1]))  # fmt: skip


def steps_of(layer: nn.Module, x: Tensor) -> tuple[LayerStep, LayerStep] | None:
    """The windows of a layer, vertical and horizontal; None if it is elementwise."""
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        sides = zip(pair(layer.output_size), x.shape[-2:], strict=True)
        vertical, horizontal = (window(n - (s - 1) * (n // s), n // s) for s, n in sides)
    elif isinstance(layer, nn.ConstantPad2d):
        left, _, top, _ = layer.padding
        vertical, horizontal = window(1, 1, top), window(1, 1, left)
    elif isinstance(layer, Crop):
        vertical = horizontal = window(1, 1, -layer.offset)
    elif isinstance(layer, nn.ConvTranspose2d):
        numbers = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        vertical, horizontal = (transposed(*axis) for axis in zip(*map(pair, numbers), strict=True))
    elif enlarging := upsampling_step(layer):
        vertical = horizontal = enlarging
    elif (sizes := window_of(layer)) is not None:
        vertical, horizontal = (window(*axis) for axis in zip(*sizes, strict=True))
    else:
        return None
    return vertical, horizontal


def window(kernel: int, stride: int, padding: int = 0, dilation: int = 1) -> LayerStep:
    """Output o of a convolution or a pooling uses o S - P to o S - P + D (F - 1)."""
    reach = dilation * (kernel - 1)
    return lambda o: (o * stride - padding, o * stride - padding + reach), 1, stride


def transposed(kernel: int, stride: int, padding: int, dilation: int) -> LayerStep:
    """Output o of a transposed convolution uses the i with 0 <= o + P - i S <= D (F - 1)."""
    reach = dilation * (kernel - 1)
    return lambda o: (ceil((o + padding - reach) / stride), (o + padding) // stride), stride, 1


def upsampling_step(layer: nn.Module) -> LayerStep | None:
    """The step of an interpolation or unpooling, which gives S outputs per input."""
    if isinstance(layer, BedOfNails):
        stride = layer.stride  # zeros, with an empty field, except the first of a block
        return lambda o: (o // stride, o // stride - (o % stride > 0)), stride, 1
    if isinstance(layer, nn.MaxUnpool2d):
        stride = pair(layer.stride)[0]
        return lambda o: (o // stride, o // stride), stride, 1
    if not isinstance(layer, nn.Upsample):
        return None
    scale = layer.scale_factor
    factor = round(scale[0] if isinstance(scale, tuple) else scale or 1)
    # Inputs on either side of an output's centre, besides the nearest pair.
    more = {"nearest": None, "bilinear": 0, "bicubic": 1}[layer.mode]
    if more is None:
        return lambda o: (o // factor, o // factor), factor, 1

    def between(o: int) -> tuple[int, int]:
        left = floor((o + 0.5) / factor - 0.5)
        exact = (o + 0.5) / factor - 0.5 == left  # centred on an input: the others have weight 0
        return (left, left) if exact else (left - more, left + 1 + more)

    return between, factor, 1


def window_of(layer: nn.Module) -> tuple[Sides, Sides, Sides, Sides] | None:
    """Kernel, stride, padding and dilation, each (height, width); None without a window."""
    kernel = getattr(layer, "kernel_size", None)
    flat = isinstance(kernel, int) or (isinstance(kernel, tuple) and len(kernel) == 2)
    if not flat or isinstance(layer, nn.ConvTranspose2d | nn.MaxUnpool2d):
        return None
    kernel, dilation = pair(kernel), pair(getattr(layer, "dilation", 1))
    padding = getattr(layer, "padding", 0)
    if isinstance(padding, str):
        reach = (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2)
        padding = reach if padding == "same" else 0
    return kernel, pair(getattr(layer, "stride", 1)), pair(padding), dilation


def pair(sides: Any) -> Sides:
    """A pair from a pair, or from one number for both."""
    return (sides, sides) if isinstance(sides, int) else (sides[0], sides[1])


class Tracer(TorchFunctionMode):
    """Traces receptive fields through layers, by their windows, and through tensor functions."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self._alive: list[Tensor] = []  # an id is unique among live tensors
        self._fields: dict[int, ReceptiveField] = {}
        self._in_layer = False
        self._set(image, ReceptiveField(FieldIntervals(), FieldIntervals()))

    def _set(self, tensor: Tensor, field: ReceptiveField) -> None:
        self._alive.append(tensor)
        self._fields[id(tensor)] = field

    def field(self, tensor: Tensor) -> ReceptiveField:
        """The field of a tensor; the whole image if its origin is unknown."""
        return self._fields.get(id(tensor), WHOLE_IMAGE)

    @contextmanager
    def tracing(self, layers: Iterable[nn.Module]) -> Iterator[None]:
        """Trace a forward pass through these layers."""
        hooks = [layer.register_forward_pre_hook(self._enter) for layer in layers]
        hooks += [layer.register_forward_hook(self._leave) for layer in layers]
        try:
            with self:
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, *_: Any) -> None:
        self._in_layer = True

    def _leave(self, layer: nn.Module, inputs: tuple[Any, ...], y: Any) -> None:
        self._in_layer = False
        x = next(tensors(inputs), None)
        for output in tensors([y]):
            field = WHOLE_IMAGE if x is None else field_after(layer, self.field(x), x)
            self._set(output, field)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if self._in_layer and function in ELEMENTWISE:
            return args[0]
        y = function(*args, **(kwargs or {}))
        fields = [self._fields[id(t)] for t in tensors(args) if id(t) in self._fields]
        if fields and not self._in_layer:
            joined = reduce(ReceptiveField.union, fields)
            for output in tensors([y]):
                self._set(output, joined)
        return y


def tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in values, including those in tuples, lists and dicts."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, dict):
            yield from tensors(value.values())
        elif isinstance(value, tuple | list):
            yield from tensors(value)
