"""The receptive field of every layer, through every path of the network.

Where paths meet, the field is the smallest interval that holds those of all paths. Windows are
those of modules: a pooling or an enlargement called as a function, in a layer of somebody else, is
not followed.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil, floor
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from canon.analysis.intervals import WHOLE_IMAGE, FieldIntervals, Inputs, ReceptiveField
from canon.layers.upsample import BedOfNails, Crop

Sides = tuple[int, int]
LayerStep = tuple[Inputs, int, int]  # what `Span.through` takes


def field_after(layer: nn.Module, field: ReceptiveField, x: Tensor) -> ReceptiveField:
    """The field of a layer's outputs, given that of its inputs."""
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
    """How a layer's outputs follow from its inputs, down and across; None where each is its own."""
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        sides = zip(pair(layer.output_size), x.shape[-2:], strict=True)
        down, across = (window(n - (s - 1) * (n // s), n // s) for s, n in sides)
    elif isinstance(layer, nn.ConstantPad2d):
        left, _, top, _ = layer.padding
        down, across = window(1, 1, top), window(1, 1, left)
    elif isinstance(layer, Crop):
        down = across = window(1, 1, -layer.offset)
    elif isinstance(layer, nn.ConvTranspose2d):
        numbers = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        down, across = (transposed(*axis) for axis in zip(*map(pair, numbers), strict=True))
    elif enlarged := enlargement(layer):
        down = across = enlarged
    elif (known := window_of(layer)) is not None:
        down, across = (window(*axis) for axis in zip(*known, strict=True))
    else:
        return None
    return down, across


def window(kernel: int, stride: int, padding: int = 0, dilation: int = 1) -> LayerStep:
    """Output o of a convolution or a pooling uses o S - P to o S - P + D (F - 1)."""
    reach = dilation * (kernel - 1)
    return lambda o: (o * stride - padding, o * stride - padding + reach), 1, stride


def transposed(kernel: int, stride: int, padding: int, dilation: int) -> LayerStep:
    """Output o of a transposed convolution uses the i with 0 <= o + P - i S <= D (F - 1)."""
    reach = dilation * (kernel - 1)
    return lambda o: (ceil((o + padding - reach) / stride), (o + padding) // stride), stride, 1


def enlargement(layer: nn.Module) -> LayerStep | None:
    """Of interpolations and unpoolings, which make S outputs of an input."""
    if isinstance(layer, BedOfNails):
        stride = layer.stride  # all but the first of a block are zeros, which see nothing
        return lambda o: (o // stride, o // stride - (o % stride > 0)), stride, 1
    if isinstance(layer, nn.MaxUnpool2d):
        stride = pair(layer.stride)[0]
        return lambda o: (o // stride, o // stride), stride, 1
    if not isinstance(layer, nn.Upsample):
        return None
    given = layer.scale_factor
    factor = round(given[0] if isinstance(given, tuple) else given or 1)
    # The inputs on either side of o's middle: none, one or two more of them.
    more = {"nearest": None, "bilinear": 0, "bicubic": 1}[layer.mode]
    if more is None:
        return lambda o: (o // factor, o // factor), factor, 1

    def between(o: int) -> tuple[int, int]:
        left = floor((o + 0.5) / factor - 0.5)
        exact = (o + 0.5) / factor - 0.5 == left  # on an input: no weight for the others
        return (left, left) if exact else (left - more, left + 1 + more)

    return between, factor, 1


def window_of(layer: nn.Module) -> tuple[Sides, Sides, Sides, Sides] | None:
    """Kernel, stride, padding and dilation, each (height, width); None for a layer without."""
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
    """Two numbers, where one may have been given for both."""
    return (sides, sides) if isinstance(sides, int) else (sides[0], sides[1])


class Tracer(TorchFunctionMode):
    """Follows receptive fields: through layers by their windows, and through what joins them."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self._kept: list[Tensor] = []  # an id belongs to one tensor as long as it lives
        self._fields: dict[int, ReceptiveField] = {}
        self._inside = False
        self._set(image, ReceptiveField(FieldIntervals(), FieldIntervals()))

    def _set(self, tensor: Tensor, field: ReceptiveField) -> None:
        self._kept.append(tensor)
        self._fields[id(tensor)] = field

    def field(self, tensor: Tensor) -> ReceptiveField:
        """The field of a tensor's places; of one whose origin is not known, everything."""
        return self._fields.get(id(tensor), WHOLE_IMAGE)

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
            known = WHOLE_IMAGE if given is None else field_after(layer, self.field(given), given)
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
