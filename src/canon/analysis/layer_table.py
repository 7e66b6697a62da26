"""The layer table: output size, parameters, multiplications, memory and receptive field."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from canon.analysis.description import Description, LayerRow, short
from canon.analysis.intervals import WHOLE_IMAGE, ReceptiveField
from canon.analysis.receptive_field import Tracer, pair, tensors, window_of
from canon.errors import InputError
from canon.layers.conv_arithmetic import conv_size, exact_size, seen, unseen
from canon.layers.stages import eval_mode
from canon.models import build, model_info

Size = int | tuple[int, int] | None  # of a side, or height and width, in pixels


def describe(
    model: str | nn.Module,
    image: Size = None,
    *,
    channels: int | None = None,
    classes: int | None = None,
    strict: bool = False,
    **more: Any,
) -> Description:
    """The layer table of a registered network or of any module.

    A network given by name is built without memory for its weights; a module is left as it is.

    Args:
        model: a registered name or a module.
        image: side of the square input in pixels, or height and width; None means the paper's, for
            a name.
        channels: of the input; None means the paper's, or 3.
        classes: of the output; None means the paper's.
        strict: refuse layers whose output size is a fraction.
        more: what a name leaves open, such as the `width` of `unet-same`.

    Raises:
        InputError: an unknown name, an image of an illegal size, or `strict` and a fraction.
    """
    model, size, channels = build_on_meta(model, image, channels, classes, **more)
    if not isinstance(model, nn.Module):
        raise InputError(f"{model!r} is no network; expected a registered name or a torch module.")
    if size is None:
        raise InputError("a module has no paper's image size; expected one. Pass image=SIDE.")
    if min(size) < 1 or (channels is not None and channels < 1):
        told = " x ".join(map(str, size))
        raise InputError(f"an image of {told} pixels and {channels} channels; expected 1 or more.")
    shape = (channels or 3, *size)
    nowhere = dict(_on_meta(model))
    kind = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    x = torch.empty(1, *shape, device="meta", dtype=kind)
    tracer = Tracer(x)
    with (
        eval_mode(model),
        _hastened(model),
        _watched(model, tracer, strict) as rows,
        _ends(model, tracer) as ends,
    ):
        try:
            functional_call(model, nowhere, x, tie_weights=False)
        except RuntimeError as reason:
            raise InputError(
                f"the network does not take {' x '.join(map(str, shape))} images "
                f"({str(reason).splitlines()[0]}); expected another size. Pass image and channels."
            ) from None
    field = ends.pop("", (None, WHOLE_IMAGE))[1]
    return Description(shape, tuple(rows), field, ends)


def build_on_meta(
    model: str | nn.Module,
    image: Size,
    channels: int | None,
    classes: int | None,
    **more: Any,
) -> tuple[nn.Module, tuple[int, int] | None, int | None]:
    """A network by name built without memory, with its size and channels; a module as it is."""
    size = (image, image) if isinstance(image, int) else image
    if not isinstance(model, str):
        return model, size, channels
    published = model_info(model).published
    size = published.size if size is None else size
    channels = published.channels if channels is None else channels
    with torch.device("meta"):
        net = build(model, classes=classes, channels=channels, image=size[1], **more)
    return net, size, channels


@contextmanager
def _hastened(model: nn.Module) -> Iterator[None]:
    """Layers that keep their input's shape hand it on: a third of the time of a deep network."""
    kinds = (nn.BatchNorm2d, nn.ReLU, nn.Dropout)
    known = [module for module in model.modules() if type(module) in kinds]
    passed = [module for module in known if "forward" not in vars(module)]
    for module in passed:
        module.forward = _unchanged
    try:
        yield
    finally:
        for module in passed:
            del module.forward


def _unchanged(x: Tensor) -> Tensor:
    return x


def _on_meta(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of every module once, by name and without memory.

    torch's own lists name a module that stands in two places twice, and would not put back what
    it had.
    """
    for name, module in model.named_modules():
        for key, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is not None:
                nowhere = tensor.detach().to("meta").requires_grad_(tensor.requires_grad)
                yield f"{name}.{key}".removeprefix("."), nowhere


@contextmanager
def _ends(model: nn.Module, tracer: Tracer) -> Iterator[dict[str, tuple[Any, ReceptiveField]]]:
    """Output and field of every named stage, and under an empty name those of all features.

    A network that calls its stages one by one has no output of all features, but a map of scores.
    """
    whole = hasattr(model, "features") and hasattr(model, "head")
    holders = [dict(model.named_children()).get(n) for n in ("features", "decoder", "head")]
    parts = [part for h in holders if h is not None and whole for part in h.named_children()]
    watched = [*parts, *([("", model.get_submodule("features"))] if whole else []), ("", model)]
    ends: dict[str, tuple[Any, ReceptiveField]] = {}

    def watch(name: str) -> Any:
        def hook(module: nn.Module, __: Any, y: Any) -> None:
            for made in tensors([y]):
                if not (module is model and name in ends):
                    ends[name] = tuple(made.shape[1:]), tracer.field(made)

        return hook

    hooks = [m.register_forward_hook(watch(name)) for name, m in watched]
    try:
        yield ends
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _watched(model: nn.Module, tracer: Tracer, strict: bool) -> Iterator[list[LayerRow]]:
    rows: list[LayerRow] = []
    counted: set[int] = set()

    def watch(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], y: Any) -> None:
            given, made = next(tensors(inputs), None), next(tensors([y]), None)
            if given is None or made is None:
                return
            row = _row(name, module, given, made, tracer.field(made), strict)
            rows.append(replace(row, params=0) if id(module) in counted else row)
            counted.add(id(module))  # what is used twice has its parameters once

        return hook

    leaves = {name: m for name, m in model.named_modules() if not any(m.children())}
    others = {name: m for name, m in model.named_modules() if name not in leaves and _own(m)}
    with tracer.watching(leaves.values()):
        shown = {name: m for name, m in leaves.items() if not isinstance(m, nn.Identity)}
        hooks = [m.register_forward_hook(watch(name)) for name, m in (shown | others).items()]
        try:
            yield rows
        finally:
            for hook in hooks:
                hook.remove()


def _own(module: nn.Module) -> int:
    """Trainable numbers that a module holds itself, not in its parts."""
    return sum(p.numel() for p in module.parameters(recurse=False) if p.requires_grad)


def _row(
    name: str, module: nn.Module, x: Tensor, y: Tensor, field: ReceptiveField, strict: bool
) -> LayerRow:
    return LayerRow(
        name=short(name),
        stage=short(name).partition(".")[0],
        kind=type(module).__name__,
        output=tuple(y.shape[1:]),
        params=_own(module),
        macs=multiplications(module, x, y),
        activation_bytes=0 if any(module.children()) else 4 * y[0].numel(),
        field=field,
        **_window(module, x, strict),
    )


def multiplications(module: nn.Module, x: Tensor, y: Tensor) -> int:
    """Multiply-accumulates of one layer for one image, given its input and output.

    A layer of its own arithmetic says so by a method of this name.
    """
    if isinstance(module, nn.Conv2d):
        return module.weight[0].numel() * y[0].numel()
    if isinstance(module, nn.ConvTranspose2d):
        return module.weight.numel() * x[0, 0].numel()
    if isinstance(module, nn.Linear):
        return module.in_features * y[0].numel()
    own = getattr(module, "multiplications", None)
    return own(y) if own else 0


def _window(module: nn.Module, x: Tensor, strict: bool) -> dict[str, Any]:
    window = window_of(module)
    if isinstance(module, nn.ConvTranspose2d | nn.MaxUnpool2d):
        names = {"kernel": "kernel_size", "stride": "stride", "padding": "padding"}
        return {told: pair(getattr(module, name)) for told, name in names.items()}
    if window is None:
        return {"kernel": None, "stride": None, "padding": None}
    ceil_mode = getattr(module, "ceil_mode", False)
    exact, lost, share = None, 0, 1.0
    for n, *numbers in zip(x.shape[-2:], *window, strict=True):
        size = exact_size(n, *numbers)
        if size.denominator > 1:
            exact = float(size)
        if strict:
            conv_size(n, *numbers, strict=True)
        lost = max(lost, 0 if ceil_mode else unseen(n, *numbers))
        share *= seen(n, *numbers, ceil_mode=ceil_mode) / n
    kernel, stride, padding, _ = window
    return {"kernel": kernel, "stride": stride, "padding": padding, "exact": exact, "unseen": lost,
            "unseen_share": 1 - share}  # fmt: skip
