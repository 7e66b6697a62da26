"""The layer table: what each layer outputs, holds, multiplies and keeps in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from canon.errors import InputError
from canon.layers.arithmetic import conv_size, exact_size, unseen
from canon.layers.stages import evaluating
from canon.models import create, entry

Windowed = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


@dataclass(frozen=True)
class Row:
    """One layer, for one image.

    Args:
        name: where the layer stands, without `features.` and `head.`.
        stage: the named stage it belongs to.
        kind: its class.
        output: C x H x W, or the number of features.
        kernel: side of the window in pixels, stride and padding likewise; None without a window.
        stride: step of the window.
        padding: pixels added on each side.
        params: trainable numbers.
        macs: multiply-accumulates, biases excluded.
        activation_bytes: of the output in float32.
        exact: the output side as a fraction, where it is not a whole number.
        unseen: pixels at the right and the lower edge that no window covers.
    """

    name: str
    stage: str
    kind: str
    output: tuple[int, ...]
    kernel: int | None
    stride: int | None
    padding: int | None
    params: int
    macs: int
    activation_bytes: int
    exact: float | None = None
    unseen: int = 0


@dataclass(frozen=True)
class Description:
    """The layer table of a network at one image size, with totals."""

    input: tuple[int, ...]
    rows: tuple[Row, ...]

    @property
    def params(self) -> int:
        """Trainable numbers."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers for one image."""
        return sum(row.macs for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all outputs in float32, for one image."""
        return sum(row.activation_bytes for row in self.rows)


def describe(
    model: str | nn.Module,
    image: int | None = None,
    *,
    channels: int | None = None,
    classes: int | None = None,
    strict: bool = False,
) -> Description:
    """The layer table of a registered network or of any module.

    A network given by name is built without memory for its weights; a module is left as it is.

    Args:
        model: a registered name or a module.
        image: side of the square input in pixels; None means the paper's, for a name.
        channels: of the input; None means the paper's, or 3.
        classes: of the output; None means the paper's.
        strict: refuse layers whose output size is a fraction.

    Raises:
        InputError: an unknown name, an image of an illegal size, or `strict` and a fraction.
    """
    if isinstance(model, str):
        published = entry(model).published
        image, channels = image or published.image, channels or published.channels
        with torch.device("meta"):
            model = create(model, classes=classes, channels=channels, image=image)
    if image is None:
        raise InputError("a module has no paper's image size; expected one. Pass image=SIDE.")
    shape = (channels or 3, image, image)
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    nowhere = {name: tensor.to("meta") for name, tensor in tensors.items()}
    with evaluating(model), _watched(model, strict) as rows:
        functional_call(model, nowhere, torch.empty(1, *shape, device="meta"))
    return Description(shape, tuple(rows))


@contextmanager
def _watched(model: nn.Module, strict: bool) -> Iterator[list[Row]]:
    rows: list[Row] = []

    def watch(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], y: Tensor) -> None:
            rows.append(_row(name, module, inputs[0], y, strict))

        return hook

    leaves = [(name, m) for name, m in model.named_modules() if not any(m.children())]
    hooks = [module.register_forward_hook(watch(name)) for name, module in leaves]
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()


def _row(name: str, module: nn.Module, x: Tensor, y: Tensor, strict: bool) -> Row:
    short = name.removeprefix("features.").removeprefix("head.")
    window = _window(module, x, strict) if isinstance(module, Windowed) else {}
    return Row(
        name=short,
        stage=short.partition(".")[0],
        kind=type(module).__name__,
        output=tuple(y.shape[1:]),
        params=sum(p.numel() for p in module.parameters() if p.requires_grad),
        macs=multiplications(module, y),
        activation_bytes=4 * y[0].numel(),
        **({"kernel": None, "stride": None, "padding": None} | window),
    )


def multiplications(module: nn.Module, y: Tensor) -> int:
    """Multiply-accumulates of one layer for one image, given its output.

    A layer of its own arithmetic says so by a method of this name.
    """
    if isinstance(module, nn.Conv2d):
        return module.weight[0].numel() * y[0].numel()
    if isinstance(module, nn.Linear):
        return module.in_features * y[0].numel()
    own = getattr(module, "multiplications", None)
    return own(y) if own else 0


def _window(module: Windowed, x: Tensor, strict: bool) -> dict[str, Any]:
    kernel, stride, padding = (
        _side(getattr(module, w)) for w in ("kernel_size", "stride", "padding")
    )
    dilation = _side(getattr(module, "dilation", 1))
    side = x.shape[-1]
    exact = exact_size(side, kernel, stride, padding, dilation)
    if strict:
        conv_size(side, kernel, stride, padding, dilation, strict=True)
    ceil_mode = getattr(module, "ceil_mode", False)
    return {
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "exact": float(exact) if exact.denominator > 1 else None,
        "unseen": 0 if ceil_mode else unseen(side, kernel, stride, padding, dilation),
    }


def _side(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]
