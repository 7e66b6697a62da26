"""The operations that a network executes, as lines of text with their inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tests.models.networks import outputs


@dataclass(frozen=True)
class Operation:
    """One call that computes something.

    Args:
        text: what it does, such as "conv 3 64 k7 s2 p3".
        inputs: numbers of the operations that its inputs come from; -1 is the image.
        shape: of its output, without the batch.
        weight: the tensor of its weights, if it has some.
        bias: the tensor of its biases, if it has some.
    """

    text: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    weight: Tensor | None = None
    bias: Tensor | None = None


def operations(net: nn.Module, x: Tensor) -> list[Operation]:
    """The operations of a network in training, auxiliary heads last, in the order of its calls."""
    net.train()
    with torch.no_grad(), _Recorder(x) as recorder:
        outputs(net, x)
    return recorder.found


class _Recorder(TorchFunctionMode):
    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.found: list[Operation] = []
        self.source = {id(x): -1}
        self.alive = [x]  # an id must not be used again

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        outs = result if isinstance(result, tuple) else (result,)
        if not all(isinstance(out, Tensor) for out in outs):
            return result
        flat = [a for arg in args for a in (arg if isinstance(arg, (list, tuple)) else [arg])]
        inputs = tuple(self.source[id(a)] for a in flat if id(a) in self.source)
        if not inputs:  # of parameters only
            return result
        name = getattr(func, "__name__", "")
        plain = None if name in SAME else name
        text = TEXTS[name](*args, **(kwargs or {})) if name in TEXTS else plain
        number = inputs[0]
        if text is not None:
            weight, bias = _parameters(name, args, kwargs or {})
            text += " fixed" * (isinstance(weight, nn.Parameter) and not weight.requires_grad)
            shape = tuple(outs[0].shape[1:])
            number = self._number(Operation(text, inputs, shape, weight, bias))
        for out in outs:
            self.source[id(out)] = number
            self.alive.append(out)
        return result

    def _number(self, one: Operation) -> int:
        """The number of an operation; a pooling done again for its indices is the first one."""
        for number, other in enumerate(self.found if one.text.startswith("max") else ()):
            if (one.text, one.inputs) == (other.text, other.inputs):
                return number
        self.found.append(one)
        return len(self.found) - 1


def _parameters(name: str, args: Any, kwargs: Any) -> tuple[Tensor | None, Tensor | None]:
    if name not in ("conv2d", "conv_transpose2d", "linear"):
        return None, None
    return args[1], args[2] if len(args) > 2 else kwargs.get("bias")


def _window(kernel: Any, stride: Any, padding: Any) -> str:
    """k3 s2 p1; a stride of 1 and a padding of 0 are left out."""
    k, s, p = (_sides(n) for n in (kernel, stride, padding))
    return f"k{k}" + f" s{s}" * (s != "1") + f" p{p}" * (p != "0")


def _sides(value: Any) -> str:
    if not isinstance(value, (tuple, list)):
        return str(value)
    return "x".join(map(str, value)) if len(set(value)) > 1 else str(value[0])


def _conv(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> str:
    assert dilation in (1, (1, 1))
    c_out, c_in, *kernel = weight.shape
    text = f"conv {c_in * groups} {c_out} {_window(tuple(kernel), stride, padding)}"
    return text + f" g{groups}" * (groups > 1) + " bias" * (bias is not None)


def _deconv(x, weight, bias=None, stride=1, padding=0, out=0, groups=1, dilation=1) -> str:
    c_in, c_out, *kernel = weight.shape
    text = f"deconv {c_in} {c_out * groups} {_window(tuple(kernel), stride, padding)}"
    text += f" out{_sides(out)}" * (out not in (0, (0, 0)))
    return text + f" g{groups}" * (groups > 1) + " bias" * (bias is not None)


def _linear(x, weight, bias=None) -> str:
    return f"fc {weight.shape[1]} {weight.shape[0]}" + " bias" * (bias is not None)


def _batch_norm(x, mean, var, weight=None, bias=None, training=True, momentum=0.1, eps=1e-5) -> str:
    assert training
    assert weight is not None
    assert bias is not None
    return "bn" + f" eps{eps:g}" * (eps != 1e-5) + f" momentum{momentum:g}" * (momentum != 0.1)


def _lrn(x, size, alpha=1e-4, beta=0.75, k=1.0) -> str:
    return f"lrn n{size} k{k:g} alpha{alpha / size:g} beta{beta:g}"  # torch divides by n


def _max(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **_) -> str:
    stride = kernel_size if stride is None else stride
    rounds = ceil_mode and _sides(stride) != "1"  # a stride of 1 leaves nothing to round
    return f"max {_window(kernel_size, stride, padding)}" + " ceil" * rounds


def _avg(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, *_
) -> str:
    stride = kernel_size if stride is None else stride
    text = f"avg {_window(kernel_size, stride, padding)}" + " ceil" * bool(ceil_mode)
    return text + " nopad" * (padding not in (0, (0, 0)) and not count_include_pad)


def _dropout(x, p=0.5, *_, **__) -> str | None:
    return f"dropout {p:g}"


def _pad(x, pad, mode="constant", value=None) -> str | None:
    if not any(pad):
        return None
    kind = f" {value:g}" if value else "" if mode == "constant" else f" {mode}"
    return f"pad {' '.join(map(str, pad))}{kind}"


def _scaled(x, y) -> str | None:
    number = y if not isinstance(y, Tensor) else x if not isinstance(x, Tensor) else None
    if number is None:
        return "mul"
    return None if number == 1 else f"scale {number:.6g}"


def _item(x, index) -> str | None:
    cut = [
        f"{one.start or 0}:{'' if one.step in (None, 1) else one.step}"
        for one in index
        if isinstance(one, slice)
    ]
    cut = [one for one in cut if one != "0:"]
    return f"cut {' '.join(cut)}" if cut else None


# What leaves the values as they are.
SAME = {
    "reshape",
    "flatten",
    "unflatten",
    "view",
    "__get__",
    "contiguous",
    "unsqueeze",
    "squeeze",
    "expand_as",
}
TEXTS: dict[str, Callable[..., str | None]] = {
    "conv2d": _conv, "conv_transpose2d": _deconv, "linear": _linear, "batch_norm": _batch_norm,
    "local_response_norm": _lrn, "max_pool2d": _max, "_max_pool2d": _max,
    "max_pool2d_with_indices": _max, "avg_pool2d": _avg,
    "dropout": _dropout, "pad": _pad, "__getitem__": _item, "mul": _scaled, "rmul": _scaled,
    "__mul__": _scaled, "__rmul__": _scaled,
    "adaptive_avg_pool2d": lambda x, size: f"adaptive {_sides(size)}",
    "relu": lambda *_, **__: "relu", "elu": lambda *_, **__: "elu", "tanh": lambda *_: "tanh",
    "sigmoid": lambda *_: "sigmoid", "add": lambda *_: "add", "__add__": lambda *_: "add",
    "cat": lambda *_, **__: "cat", "max_unpool2d": lambda *_, **__: "unpool",
    "interpolate": lambda x, scale_factor=None, mode="nearest", **__: f"upsample {mode}",
}  # fmt: skip
