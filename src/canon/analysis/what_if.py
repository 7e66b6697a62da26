"""The cost of a network with other convolutions: the papers' own arithmetic.

Each k x k convolution, k > 1, is replaced by

    separable       k x k on each channel alone, then 1 x 1 across channels (Xception)
    bottleneck=R    1 x 1 to R channels, then k x k (GoogLeNet's reduction)
    groups=G        k x k in G groups (AlexNet, ResNeXt)
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from canon.analysis.description import Description, LayerRow, short
from canon.analysis.layer_table import build_on_meta, describe
from canon.analysis.receptive_field import Sides, window_of
from canon.errors import InputError, nearest

KINDS = ("separable", "bottleneck", "groups")
CHANGES = ("separable", "bottleneck=R", "groups=G")


@dataclass(frozen=True)
class Saving:
    """One replaced convolution.

    Args:
        name: where it stands.
        before: its row, or rows where it is used more than once.
        after: the rows in its place.
    """

    name: str
    before: tuple[LayerRow, ...]
    after: tuple[LayerRow, ...]


@dataclass(frozen=True)
class WhatIf:
    """A network as it is, and with its convolutions replaced.

    Args:
        change: what replaced them.
        before: the layer table.
        after: the layer table of the other network.
        savings: each replaced convolution.
        kept: names of k x k convolutions that the change cannot replace.
    """

    change: str
    before: Description
    after: Description
    savings: tuple[Saving, ...]
    kept: tuple[str, ...]


Replacement = Callable[[nn.Conv2d], nn.Module | None]


def what_if(
    model: str | nn.Module,
    change: str,
    image: int | None = None,
    *,
    channels: int | None = None,
    classes: int | None = None,
) -> WhatIf:
    """The cost of a network with all its k x k convolutions replaced.

    Args:
        model: a registered name or a module, which is left as it is.
        change: `separable`, `bottleneck=R` or `groups=G`.
        image: side of the square input in pixels; None means the paper's, for a name.
        channels: of the input; None means the paper's, or 3.
        classes: of the output; None means the paper's.

    Raises:
        InputError: an unknown change, an impossible number, or no convolution it could replace.
    """
    replace = _replacement(change)
    model, size, channels = build_on_meta(model, image, channels, classes)
    # One layer alone gets a name to be replaced by.
    whole = nn.Sequential(model) if _wide(model) else model
    before = describe(whole, size, channels=channels)
    called = {row.name for row in before.rows}
    names = {short(n): n for n, m in whole.named_modules() if _wide(m) and short(n) in called}
    if not names:
        raise InputError(
            "there is no k x k convolution to replace, k > 1; expected one. Take another network."
        )
    other = copy.deepcopy(whole)
    kept = tuple(one for one, name in names.items() if not _replaced(other, name, replace))
    if len(kept) == len(names):
        raise InputError(
            f"{change} fits none of the {len(names)} convolutions; expected a number that divides "
            "their channels, or below them for a bottleneck. Take another."
        )
    after = describe(other, size, channels=channels)
    savings = tuple(
        Saving(one, _in_place_of(one, before), _in_place_of(one, after))
        for one in names if one not in kept
    )  # fmt: skip
    return WhatIf(change, before, after, savings, kept)


def _replaced(net: nn.Module, name: str, replace: Replacement) -> bool:
    """Replace one convolution; whether it can be."""
    made = replace(net.get_submodule(name))  # type: ignore[arg-type]
    if made is not None:
        parent, _, last = name.rpartition(".")
        setattr(net.get_submodule(parent), last, made)
    return made is not None


def _in_place_of(name: str, table: Description) -> tuple[LayerRow, ...]:
    return tuple(r for r in table.rows if r.name == name or r.name.startswith(f"{name}."))


def _wide(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and max(module.kernel_size) > 1


def _replacement(change: str) -> Replacement:
    kind, _, given = change.partition("=")
    if kind == "separable" and not given:
        return _separable
    if kind not in ("bottleneck", "groups") or not given.isdecimal() or int(given) < 1:
        raise InputError(
            f"--what-if {change} cannot be done; expected one of {', '.join(CHANGES)} with a whole "
            f"number above 0.{nearest(kind, KINDS)} Pass --what-if separable."
        )
    number = int(given)
    return (
        (lambda conv: _narrowed(conv, number))
        if kind == "bottleneck"
        else (lambda conv: _grouped(conv, number))
    )


def _like(conv: nn.Conv2d, c_in: int, c_out: int, groups: int, bias: bool = True) -> nn.Conv2d:
    """The same window between other channels."""
    kernel, stride, padding, dilation = _window(conv)
    return nn.Conv2d(
        c_in, c_out, kernel, stride, padding, dilation, groups,
        bias=bias and conv.bias is not None, device="meta",
    )  # fmt: skip


def _window(conv: nn.Conv2d) -> tuple[Sides, Sides, Sides, Sides]:
    window = window_of(conv)
    assert window is not None
    return window


def _separable(conv: nn.Conv2d) -> nn.Module | None:
    c_in, c_out = conv.in_channels, conv.out_channels
    if conv.groups == c_in:  # depthwise already
        return None
    deep = _like(conv, c_in, c_in, c_in, bias=False)
    return nn.Sequential(deep, nn.Conv2d(c_in, c_out, 1, bias=conv.bias is not None, device="meta"))


def _narrowed(conv: nn.Conv2d, width: int) -> nn.Module | None:
    if conv.in_channels <= width or width % conv.groups:
        return None
    reduce = nn.Conv2d(conv.in_channels, width, 1, bias=False, device="meta")
    return nn.Sequential(reduce, _like(conv, width, conv.out_channels, conv.groups))


def _grouped(conv: nn.Conv2d, groups: int) -> nn.Module | None:
    if conv.in_channels % groups or conv.out_channels % groups or conv.groups >= groups:
        return None
    return _like(conv, conv.in_channels, conv.out_channels, groups)
