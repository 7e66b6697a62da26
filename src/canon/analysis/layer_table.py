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

Size = int | tuple[int, int] | None  # a side, or height and width, in pixels


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

    A registered network is built on the meta device; a module is left unchanged.

    Args:
        model: a registered name or a module.
        image: side of the square input in pixels, or height and width; None means the paper's, and
            is possible for a name only.
        channels: of the input; None means the paper's, or 3.
        classes: of the output; None means the paper's.
        strict: raise for layers with a fractional output size.
        more: further options of a registered network, such as the `width` of `unet-same`.

    Raises:
        InputError: the name is unknown, the image size is illegal, or a size is fractional and
            `strict` is set.
    """
    net, shape = _checked(*build_on_meta(model, image, channels, classes, **more))
    tensors_on_meta = dict(on_meta(net))
    dtype = next((p.dtype for p in net.parameters() if p.is_floating_point()), torch.float32)
    x = torch.empty(1, *shape, device="meta", dtype=dtype)
    tracer = Tracer(x)
    with (
        eval_mode(net),
        _layer_rows(net, tracer, strict) as rows,
        _stage_ends(net, tracer) as ends,
    ):
        try:
            functional_call(net, tensors_on_meta, x, tie_weights=False)
        except RuntimeError as reason:
            raise InputError(
                f"the network does not accept {' x '.join(map(str, shape))} images "
                f"({str(reason).splitlines()[0]}); expected another size. Pass image and channels."
            ) from reason
    field = ends.pop("", (None, WHOLE_IMAGE))[1]
    return Description(shape, tuple(rows), field, ends)


def _checked(
    model: nn.Module | str, size: tuple[int, int] | None, channels: int | None
) -> tuple[nn.Module, tuple[int, int, int]]:
    """The network and the shape of its input, (C, H, W)."""
    if not isinstance(model, nn.Module):
        raise InputError(
            f"{model!r} is not a network; expected a model name or an nn.Module. `canon list "
            "models` shows all names."
        )
    if size is None:
        raise InputError("the image size is missing; expected one for a module. Pass image=SIDE.")
    if min(size) < 1 or (channels is not None and channels < 1):
        sides = " x ".join(map(str, size))
        raise InputError(
            f"the image has {sides} pixels and {channels} channels; expected 1 or more of each. "
            "Pass another image or channels."
        )
    return model, (channels or 3, *size)


def build_on_meta(
    model: str | nn.Module,
    image: Size,
    channels: int | None,
    classes: int | None,
    **more: Any,
) -> tuple[nn.Module, tuple[int, int] | None, int | None]:
    """A registered network on the meta device, with its size and channels; a module unchanged."""
    size = (image, image) if isinstance(image, int) else image
    if not isinstance(model, str):
        return model, size, channels
    published = model_info(model).published
    size = published.size if size is None else size
    channels = published.channels if channels is None else channels
    with torch.device("meta"):
        net = build(model, classes=classes, channels=channels, image=size[1], **more)
    return net, size, channels


def on_meta(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of every module once, by name, on the meta device.

    `_parameters` and `_buffers` are private, as of torch 2.11. The public lists name the tensors of
    a shared module twice, and `functional_call` would not restore them.
    """
    for name, module in model.named_modules():
        for key, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is not None:
                on_meta = tensor.detach().to("meta").requires_grad_(tensor.requires_grad)
                yield f"{name}.{key}".removeprefix("."), on_meta


@contextmanager
def _stage_ends(
    model: nn.Module, tracer: Tracer
) -> Iterator[dict[str, tuple[Any, ReceptiveField]]]:
    """Output shape and field of every named stage; those of all features under an empty name.

    A network that calls its stages one by one has no output of all features; then the empty name is
    that of its score map.
    """
    standard = hasattr(model, "features") and hasattr(model, "head")
    named = hasattr(model, "features") and (standard or hasattr(model, "decoder"))
    holders = [dict(model.named_children()).get(n) for n in ("features", "decoder", "head")]
    parts = [part for h in holders if h is not None and named for part in h.named_children()]
    modules = [*parts, *([("", model.get_submodule("features"))] if standard else []), ("", model)]
    ends: dict[str, tuple[Any, ReceptiveField]] = {}

    def record(name: str) -> Any:
        def hook(module: nn.Module, __: Any, y: Any) -> None:
            for output in tensors([y]):
                if not (module is model and name in ends):
                    ends[name] = tuple(output.shape[1:]), tracer.field(output)

        return hook

    hooks = [m.register_forward_hook(record(name)) for name, m in modules]
    try:
        yield ends
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _layer_rows(model: nn.Module, tracer: Tracer, strict: bool) -> Iterator[list[LayerRow]]:
    """Collect the rows of a forward pass within the context."""
    rows: list[LayerRow] = []
    counted: set[int] = set()

    def record(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], y: Any) -> None:
            x, output = next(tensors(inputs), None), next(tensors([y]), None)
            if x is None or output is None:
                return
            row = _row(name, module, x, output, tracer.field(output), strict)
            rows.append(replace(row, params=0) if id(module) in counted else row)
            counted.add(id(module))  # parameters of a shared layer count once

        return hook

    leaves = {name: m for name, m in model.named_modules() if not any(m.children())}
    others = {name: m for name, m in model.named_modules() if name not in leaves and _own_params(m)}
    with tracer.tracing(leaves.values()):
        shown = {name: m for name, m in leaves.items() if not isinstance(m, nn.Identity)}
        hooks = [m.register_forward_hook(record(name)) for name, m in (shown | others).items()]
        try:
            yield rows
        finally:
            for hook in hooks:
                hook.remove()


def _own_params(module: nn.Module) -> int:
    """Trainable parameters of a module itself, without its children."""
    return sum(p.numel() for p in module.parameters(recurse=False) if p.requires_grad)


def _row(
    name: str, module: nn.Module, x: Tensor, y: Tensor, field: ReceptiveField, strict: bool
) -> LayerRow:
    return LayerRow(
        name=short(name),
        stage=short(name).partition(".")[0],
        kind=type(module).__name__,
        output=tuple(y.shape[1:]),
        params=_own_params(module),
        macs=multiplications(module, x, y),
        activation_bytes=0 if any(module.children()) else 4 * y[0].numel(),
        field=field,
        **_window(module, x, strict),
    )


def multiplications(module: nn.Module, x: Tensor, y: Tensor) -> int:
    """Multiply-accumulates of one layer for one image, given its input and output.

    A custom layer with arithmetic of its own defines a method of this name.
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
        return {key: pair(getattr(module, name)) for key, name in names.items()}
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
