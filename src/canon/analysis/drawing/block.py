"""One block of a network by itself: its branches, from the input at the top to their join."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from canon.analysis.drawing.captions import is_repeated
from canon.analysis.layer_table import build_on_meta
from canon.analysis.receptive_field import window_of
from canon.errors import InputError
from canon.layers.stages import eval_mode, stage_named

JOINS = {"add": "+", "mul": "×", "cat": "concatenation"}
MERGED = {"BatchNorm2d": "BN", "ReLU": "ReLU", "Sigmoid": "sigmoid", "ELU": "ELU"}
HIDDEN = ("Identity", "Flatten", "Dropout", "Unflatten")


@dataclass(frozen=True)
class Part:
    """A layer of a block, or a place where branches are joined.

    Args:
        kind: input, convolution, pooling, linear, join or other.
        lines: what is written on it.
        takes: positions of the parts whose outputs it takes.
        join: `+`, `×` or `concatenation`; empty for layers.
    """

    kind: str
    lines: tuple[str, ...]
    takes: tuple[int, ...]
    join: str = ""


@dataclass(frozen=True)
class Block:
    """A block.

    Args:
        name: of its stage.
        count: of equal blocks in the stage.
        parts: the input, then its layers in the order of execution.
    """

    name: str
    count: int
    parts: tuple[Part, ...]


def block_of(model: str, stage: str, image: int | None = None, **more: Any) -> Block:
    """The last block of a stage, which is the repeated one, or the stage itself.

    Args:
        model: a registered name.
        stage: by name.
        image: side of the input in pixels; None means the paper's.
        more: channels, classes and further options of the network.

    Raises:
        InputError: no such network or stage, or a block whose branches cannot be followed.
    """
    channels, classes = more.pop("channels", None), more.pop("classes", None)
    net, size, channels = build_on_meta(model, image, channels, classes, **more)
    assert size is not None
    whole = stage_named(net, stage)
    module, count = _repeated(whole)
    x = _input_of(net, module, torch.empty(1, channels or 3, *size, device="meta"))
    try:
        traced = _traced(nn.Sequential(module).eval())
    except fx.proxy.TraceError:
        raise _cannot(model, stage, "its branches depend on the input") from None
    except TypeError:  # an argument is missing
        raise _cannot(model, stage, "it takes several maps") from None
    ShapeProp(traced).propagate(x)
    parts = tuple(_parts(traced))
    if len(parts) == 1:
        raise _cannot(model, stage, "it has no layers that compute")
    return Block(stage, count, parts)


def _cannot(model: str, stage: str, reason: str) -> InputError:
    return InputError(
        f"stage {stage} of {model} cannot be drawn by itself ({reason}); expected one input, and "
        "branches that are the same for every input. Choose another stage."
    )


class _Tracer(fx.Tracer):
    """Follows modules that have parts."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not any(m.children()) or super().is_leaf_module(m, module_qualified_name)


def _traced(module: nn.Module) -> fx.GraphModule:
    return fx.GraphModule(module, _Tracer().trace(module))


def _repeated(stage: nn.Module) -> tuple[nn.Module, int]:
    """The last of several equal blocks and their number, or the stage itself."""
    children = list(stage.children())
    return (children[-1], len(children)) if is_repeated(stage) else (stage, 1)


def _input_of(net: nn.Module, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    found: list[torch.Tensor] = []
    hook = module.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    try:
        with eval_mode(net):
            net(x)
    finally:
        hook.remove()
    return found[0]


def _parts(traced: fx.GraphModule) -> Iterator[Part]:
    """The parts; activations and normalisations are lines on the layer before them."""
    parts: list[Part] = []
    position: dict[fx.Node, int] = {}
    for node in traced.graph.nodes:
        takes = tuple(position[other] for other in node.all_input_nodes if other in position)
        if node.op == "output":
            break
        part = _part(traced, node, takes)
        if part is None or _joins_line(part, parts):
            position[node] = takes[0]
            if part is not None:
                before = parts[takes[0]]
                parts[takes[0]] = replace(before, lines=(*before.lines, *part.lines))
            continue
        parts.append(part)
        position[node] = len(parts) - 1
    yield from parts


def _joins_line(part: Part, parts: list[Part]) -> bool:
    """Whether it is written on the part before it instead of having its own box."""
    merged = part.takes and part.lines[0] in MERGED.values()
    return bool(merged) and parts[part.takes[0]].kind != "input"


def _part(traced: fx.GraphModule, node: fx.Node, takes: tuple[int, ...]) -> Part | None:
    """The part of a node; None for a reshape, and for what computes nothing."""
    if node.op == "placeholder":
        return Part("input", ("input", _shape(node)), ())
    module = _module(traced, node)
    if module is not None:
        return None if type(module).__name__ in HIDDEN else _layer(module, node, takes)
    join = JOINS.get(_function(node), "")
    return Part("join", (join, _shape(node)), takes, join) if join and len(takes) > 1 else None


def _module(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None


def _function(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target)).strip("_")


def _layer(module: nn.Module, node: fx.Node, takes: tuple[int, ...]) -> Part:
    name = type(module).__name__
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        height, width = module.kernel_size
        depthwise = module.groups == module.in_channels > 1
        groups = f", {module.groups} groups" if module.groups > 1 and not depthwise else ""
        word = "depthwise" if depthwise else "conv"
        stride = f", / {max(module.stride)}" if max(module.stride) > 1 else ""
        lines = (f"{height}×{width} {word}{groups}{stride}", _channels(node))
        return Part("convolution", lines, takes)
    if "Pool" in name:
        return Part("pooling", (_pooling(module, name),), takes)
    if isinstance(module, nn.Linear):
        return Part("linear", ("linear", str(module.out_features)), takes)
    return Part("other", (MERGED.get(name, name),), takes)


def _pooling(module: nn.Module, name: str) -> str:
    kind, window = "max" if "Max" in name else "average", window_of(module)
    if window is None:
        return f"{kind} over the map"
    kernel, stride = window[:2]
    return f"{kernel[0]}×{kernel[1]} {kind} pool" + (f", / {stride[0]}" if stride[0] > 1 else "")


def _shape(node: fx.Node) -> str:
    return " × ".join(map(str, node.meta["tensor_meta"].shape[1:]))


def _channels(node: fx.Node) -> str:
    return f"{node.meta['tensor_meta'].shape[1]} maps"
