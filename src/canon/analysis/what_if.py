"""The cost of a network with other convolutions: the papers' own arithmetic.

Each k x k convolution, k > 1, transposed ones included, is replaced by

    Separable()     k x k on each channel, then 1 x 1 across channels (Xception)
    Bottleneck(R)   1 x 1 to R channels, then k x k (GoogLeNet's reduction)
    Groups(G)       k x k in G groups (AlexNet, ResNeXt)
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from canon.analysis.description import Description, LayerRow, short
from canon.analysis.layer_table import build_on_meta, describe
from canon.analysis.receptive_field import pair, window_of
from canon.errors import InputError, nearest

Conv = nn.Conv2d | nn.ConvTranspose2d


class Change(Protocol):
    """A replacement of k x k convolutions."""

    def replacement(self, conv: Conv) -> nn.Module | None:
        """The replacement of a convolution on the meta device; None if it cannot be replaced."""


@dataclass(frozen=True)
class Separable:
    """k x k on each channel, then 1 x 1 across channels."""

    def __str__(self) -> str:
        return "separable"

    def replacement(self, conv: Conv) -> nn.Module | None:
        c_in, c_out = conv.in_channels, conv.out_channels
        if conv.groups == c_in:  # already depthwise
            return None
        depthwise = _like(conv, c_in, c_in, c_in, bias=False)
        pointwise = nn.Conv2d(c_in, c_out, 1, bias=conv.bias is not None, device="meta")
        return nn.Sequential(depthwise, pointwise)


@dataclass(frozen=True)
class Bottleneck:
    """1 x 1 to `width` channels, then k x k.

    Raises:
        InputError: the width is below 1.
    """

    width: int

    def __post_init__(self) -> None:
        _require_positive("bottleneck", self.width)

    def __str__(self) -> str:
        return f"bottleneck={self.width}"

    def replacement(self, conv: Conv) -> nn.Module | None:
        if conv.in_channels <= self.width or self.width % conv.groups:
            return None
        reduce = nn.Conv2d(conv.in_channels, self.width, 1, bias=False, device="meta")
        return nn.Sequential(reduce, _like(conv, self.width, conv.out_channels, conv.groups))


@dataclass(frozen=True)
class Groups:
    """k x k in `count` groups.

    Raises:
        InputError: the count is below 1.
    """

    count: int

    def __post_init__(self) -> None:
        _require_positive("groups", self.count)

    def __str__(self) -> str:
        return f"groups={self.count}"

    def replacement(self, conv: Conv) -> nn.Module | None:
        c_in, c_out = conv.in_channels, conv.out_channels
        if c_in % self.count or c_out % self.count or conv.groups >= self.count:
            return None
        return _like(conv, c_in, c_out, self.count)


def _require_positive(name: str, value: int) -> None:
    if value < 1:
        raise InputError(f"{name} is {value}; expected a whole number above 0. Pass {name}=2.")


FORMS = ("separable", "bottleneck=R", "groups=G")
WITH_NUMBER: dict[str, Callable[[int], Change]] = {"bottleneck": Bottleneck, "groups": Groups}


def parse_change(text: str) -> Change:
    """The change of a text: `separable`, `bottleneck=R` or `groups=G`.

    Raises:
        InputError: the text is none of these, or its number is not above 0.
    """
    name, _, number = text.partition("=")
    if text == "separable":
        return Separable()
    if name in WITH_NUMBER and number.isascii() and number.isdecimal() and int(number) > 0:
        return WITH_NUMBER[name](int(number))
    raise InputError(
        f"the change {text!r} is unknown; expected one of {', '.join(FORMS)} with a whole number "
        f"above 0.{nearest(name, ('separable', *WITH_NUMBER))} Pass --what-if separable."
    )


@dataclass(frozen=True)
class Replacement:
    """One replaced convolution.

    Args:
        name: of the layer.
        before: its row; several if the layer is used more than once.
        after: the rows of its replacement.
    """

    name: str
    before: tuple[LayerRow, ...]
    after: tuple[LayerRow, ...]


@dataclass(frozen=True)
class WhatIf:
    """A network before and after its convolutions are replaced.

    Args:
        change: the replacement.
        before: the layer table of the network.
        after: the layer table of the changed network.
        replaced: each replaced convolution.
        not_replaced: names of the k x k convolutions that the change does not fit.
    """

    change: Change
    before: Description
    after: Description
    replaced: tuple[Replacement, ...]
    not_replaced: tuple[str, ...]


def what_if(
    model: str | nn.Module,
    change: Change,
    image: int | None = None,
    *,
    channels: int | None = None,
    classes: int | None = None,
) -> WhatIf:
    """The cost of a network with all its k x k convolutions replaced.

    Args:
        model: a registered name or a module, which is left unchanged.
        change: `Separable()`, `Bottleneck(R)` or `Groups(G)`.
        image: side of the square input in pixels; None means the paper's, for a name.
        channels: of the input; None means the paper's, or 3.
        classes: of the output; None means the paper's.

    Raises:
        InputError: the change is a text, or there is no convolution that it fits.
    """
    if isinstance(change, str):
        raise InputError(
            f"the change is the text {change!r}; expected Separable(), Bottleneck(R) or Groups(G). "
            f"Pass canon.analysis.parse_change({change!r})."
        )
    model, size, channels = build_on_meta(model, image, channels, classes)
    # A convolution alone needs a parent in which it is replaced.
    net = nn.Sequential(model) if _is_wide(model) else model
    before = describe(net, size, channels=channels)
    executed = {row.name for row in before.rows}
    paths = {short(n): n for n, m in net.named_modules() if _is_wide(m) and short(n) in executed}
    if not paths:
        raise InputError(
            "the network has no k x k convolution with k > 1 to replace; expected at least one. "
            "Choose another network."
        )
    changed = copy.deepcopy(net)
    not_replaced = tuple(
        name for name, path in paths.items() if not _replace(changed, path, change)
    )
    if len(not_replaced) == len(paths):
        raise InputError(
            f"{change} fits none of the {len(paths)} convolutions; expected a divisor of their "
            "channels, or a bottleneck below them. Pass another number."
        )
    after = describe(changed, size, channels=channels)
    replaced = tuple(
        Replacement(name, _rows_of(name, before), _rows_of(name, after))
        for name in paths if name not in not_replaced
    )  # fmt: skip
    return WhatIf(change, before, after, replaced, not_replaced)


def _replace(net: nn.Module, path: str, change: Change) -> bool:
    """Replace the convolution at a path, and return whether the change fits it."""
    conv = net.get_submodule(path)
    assert isinstance(conv, Conv)
    module = change.replacement(conv)
    if module is not None:
        parent, _, name = path.rpartition(".")
        setattr(net.get_submodule(parent), name, module)
    return module is not None


def _rows_of(name: str, table: Description) -> tuple[LayerRow, ...]:
    return tuple(r for r in table.rows if r.name == name or r.name.startswith(f"{name}."))


def _is_wide(module: nn.Module) -> bool:
    return isinstance(module, Conv) and max(module.kernel_size) > 1


def _like(conv: Conv, c_in: int, c_out: int, groups: int, bias: bool = True) -> Conv:
    """A convolution with the same window and other channels."""
    same: dict[str, Any] = {
        "groups": groups,
        "bias": bias and conv.bias is not None,
        "device": "meta",
    }
    if isinstance(conv, nn.ConvTranspose2d):
        sizes = (conv.kernel_size, conv.stride, conv.padding, conv.output_padding, conv.dilation)
        kernel, stride, padding, extra, dilation = map(pair, sizes)
        return nn.ConvTranspose2d(
            c_in, c_out, kernel, stride, padding, extra, dilation=dilation, **same
        )
    window = window_of(conv)
    assert window is not None
    return nn.Conv2d(c_in, c_out, *window, **same)
