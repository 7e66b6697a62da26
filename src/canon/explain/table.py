"""The layer table: what each layer outputs, holds, multiplies, keeps in memory and sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from canon.errors import InputError
from canon.explain.field import Field, Pair, Tracer, window_of
from canon.layers.arithmetic import conv_size, exact_size, seen, unseen
from canon.layers.stages import evaluating
from canon.models import create, entry


@dataclass(frozen=True)
class Row:
    """One layer, or one stage, for one image.

    Args:
        name: where it stands, without `features.` and `head.`.
        stage: the named stage it belongs to.
        kind: its class.
        output: C x H x W, or the number of features.
        kernel: sides of the window in pixels, height and width; None without a window.
        stride: steps of the window, likewise.
        padding: pixels added on each side, likewise.
        params: trainable numbers.
        macs: multiply-accumulates, biases excluded.
        activation_bytes: of the output in float32.
        field: the receptive field of an output.
        exact: the output side as a fraction, where it is not a whole number.
        unseen: pixels at the right or the lower edge that no window covers.
        unseen_share: of all input pixels, those that no window covers, a fraction in [0, 1].
    """

    name: str
    stage: str
    kind: str
    output: tuple[int, ...]
    kernel: Pair | None
    stride: Pair | None
    padding: Pair | None
    params: int
    macs: int
    activation_bytes: int
    field: Field
    exact: float | None = None
    unseen: int = 0
    unseen_share: float = 0.0


@dataclass(frozen=True)
class Description:
    """The layer table of a network at one image size, with totals.

    Args:
        input: C x H x W.
        rows: the layers, in the order in which they are called.
        field: the receptive field of the features, before anything is averaged or classified.
    """

    input: tuple[int, ...]
    rows: tuple[Row, ...]
    field: Field

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

    @property
    def depth(self) -> int:
        """Layers with weights that multiply, wherever they stand."""
        return sum(row.macs > 0 for row in self.rows)

    def seen(self, field: Field) -> tuple[Pair, Pair, tuple[float, float]]:
        """Size, jump and offset of a receptive field in pixels, height and width each.

        One that covers the whole image has the image's size.
        """
        spans = field.height, field.width
        jump = spans[0].jump, spans[1].jump
        if field.whole:
            height, width = self.input[-2:]
            return (height, width), jump, ((height - 1) / 2, (width - 1) / 2)
        return (spans[0].size, spans[1].size), jump, (spans[0].offset, spans[1].offset)

    def stages(self) -> tuple[Row, ...]:
        """One row a stage: sums, and the output and field of its last layer."""
        names = dict.fromkeys(row.stage for row in self.rows)
        return tuple(
            _summed(name, [row for row in self.rows if row.stage == name]) for name in names
        )


def _summed(name: str, rows: list[Row]) -> Row:
    # The last layer that was called may be inside a shortcut: the largest field is the stage's.
    widest = max(rows, key=lambda row: (row.field.whole, row.field.height.size))
    return Row(
        name=name,
        stage=name,
        kind=f"{len(rows)} layers" if len(rows) > 1 else rows[0].kind,
        output=rows[-1].output,
        kernel=rows[0].kernel if len(rows) == 1 else None,
        stride=rows[0].stride if len(rows) == 1 else None,
        padding=rows[0].padding if len(rows) == 1 else None,
        params=sum(row.params for row in rows),
        macs=sum(row.macs for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
        field=widest.field,
        unseen_share=max(row.unseen_share for row in rows),
    )


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
    x = torch.empty(1, *shape, device="meta")
    tracer, maps = Tracer(x), [x]
    features = getattr(model, "features", model)
    last = features.register_forward_hook(lambda _, __, y: maps.append(y))
    with evaluating(model), _watched(model, tracer, strict) as rows:
        functional_call(model, nowhere, x)
    last.remove()
    return Description(shape, tuple(rows), tracer.field(maps[-1]))


@contextmanager
def _watched(model: nn.Module, tracer: Tracer, strict: bool) -> Iterator[list[Row]]:
    rows: list[Row] = []

    def watch(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], y: Tensor) -> None:
            rows.append(_row(name, module, inputs[0], y, tracer.field(y), strict))

        return hook

    leaves = {name: m for name, m in model.named_modules() if not any(m.children())}
    with tracer.watching(leaves.values()):
        shown = {name: m for name, m in leaves.items() if not isinstance(m, nn.Identity)}
        hooks = [module.register_forward_hook(watch(name)) for name, module in shown.items()]
        try:
            yield rows
        finally:
            for hook in hooks:
                hook.remove()


def _row(name: str, module: nn.Module, x: Tensor, y: Tensor, field: Field, strict: bool) -> Row:
    short = name.removeprefix("features.").removeprefix("head.")
    return Row(
        name=short,
        stage=short.partition(".")[0],
        kind=type(module).__name__,
        output=tuple(y.shape[1:]),
        params=sum(p.numel() for p in module.parameters() if p.requires_grad),
        macs=multiplications(module, y),
        activation_bytes=4 * y[0].numel(),
        field=field,
        **_window(module, x, strict),
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


def _window(module: nn.Module, x: Tensor, strict: bool) -> dict[str, Any]:
    window = window_of(module)
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
