"""What a drawing shows: the stages of a network that run, and which outputs each of them takes."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from canon.analysis.description import Description, LayerRow
from canon.analysis.layer_table import build_on_meta, describe, on_meta
from canon.analysis.receptive_field import tensors
from canon.errors import InputError
from canon.layers.residual import Block
from canon.layers.stages import eval_mode

Kind = str  # convolution, pooling, linear, enlarging or other
HIDDEN = (nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout2d, nn.Identity)


@dataclass(frozen=True)
class Node:
    """One stage.

    Args:
        name: of the stage.
        kind: what it does mostly: convolution, pooling, linear, enlarging or other.
        shape: of its output, without the batch.
        captions: lines on what is in it.
        notes: what follows it and is not drawn by itself, such as a normalisation.
        residual: whether it is made of residual blocks.
        linked: whether it takes the output of the node before it.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    captions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    residual: bool = False
    linked: bool = True


@dataclass(frozen=True)
class Graph:
    """The stages of a network in the order of execution.

    Args:
        input: C x H x W.
        nodes: the stages.
        skips: pairs of positions: an output that a later stage takes besides the one before it.
        description: the layer table.
    """

    input: tuple[int, ...]
    nodes: tuple[Node, ...]
    skips: tuple[tuple[int, int], ...]
    description: Description


def graph_of(
    model: str | nn.Module,
    image: int | tuple[int, int] | None = None,
    *,
    channels: int | None = None,
    classes: int | None = None,
    **more: Any,
) -> Graph:
    """The stages of a network, as `describe` takes it.

    Raises:
        InputError: an unknown name, a size that the network does not take, or a module without
            stages.
    """
    table = describe(model, image, channels=channels, classes=classes, **more)
    net, _, _ = build_on_meta(model, image, channels, classes, **more)
    modules = dict(_stages(net))
    ran = _run(net, table.input, modules)
    nodes: list[Node] = []
    position: dict[str, int] = {}  # of the node that has the output of a stage
    skips = set()
    for name, (shape, sources) in ran.items():
        module = modules[name]
        own = short_of(name)
        rows = [row for row in table.rows if row.name == own or row.name.startswith(f"{own}.")]
        joined = _note(module, rows)
        if joined is None:
            nodes.append(_node(name, module, rows, shape))
        elif nodes and joined:
            nodes[-1] = replace(nodes[-1], notes=(*nodes[-1].notes, joined))
        position[name] = len(nodes) - 1
        here = len(nodes) - 1
        if joined is None:
            origins = {position[s] for s in sources if s in position}
            skips |= {(o, here) for o in origins if o < here - 1}
            if origins and here - 1 not in origins:
                nodes[-1] = replace(nodes[-1], linked=False)
    if not nodes:
        raise InputError(
            "the network has no stages to draw; expected a network of Canon. Pass another network."
        )
    return Graph(table.input, tuple(nodes), tuple(sorted(skips)), table)


def short_of(name: str) -> str:
    """The name of a stage as rows of the layer table have it."""
    part, _, rest = name.partition(".")
    return rest if part in ("features", "decoder", "head") else name


def _stages(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Parts of the network, or the stages of each part that has any, with their paths."""
    for part, module in net.named_children():
        container = isinstance(module, nn.Sequential | nn.ModuleDict | nn.ModuleList)
        if not container or not any(module.children()):
            yield part, module
            continue
        for name, child in module.named_children():
            yield f"{part}.{name}", child


class _Recorder:
    """The stages that run in a forward pass: their output shapes, and whose outputs they take."""

    def __init__(self) -> None:
        self.ran: dict[str, tuple[tuple[int, ...], list[str]]] = {}
        self._alive: list[Tensor] = []  # an id is unique among live tensors
        self._made: dict[int, str] = {}
        self._taken: dict[str, list[str]] = {}

    def before(self, name: str) -> Any:
        """A hook that notes what a stage takes."""

        def hook(_: nn.Module, inputs: Any, more: Any) -> None:
            found = [*tensors(inputs), *tensors(more.values())]
            self._taken[name] = [self._made[id(t)] for t in found if id(t) in self._made]

        return hook

    def after(self, name: str) -> Any:
        """A hook that notes what it gives."""

        def hook(_: nn.Module, __: Any, outputs: Any) -> None:
            found = list(tensors([outputs]))
            if found:
                self.ran.setdefault(name, (tuple(found[0].shape[1:]), self._taken.get(name, [])))
            self._alive += found
            self._made |= {id(one): name for one in found}

        return hook


def _run(
    net: nn.Module, shape: tuple[int, ...], modules: dict[str, nn.Module]
) -> dict[str, tuple[tuple[int, ...], list[str]]]:
    """The stages that run, in order: output shape, and the stages whose outputs they take."""
    recorder = _Recorder()
    x = torch.empty(1, *shape, device="meta")
    with ExitStack() as hooks, eval_mode(net):
        for name, module in modules.items():
            before = module.register_forward_pre_hook(recorder.before(name), with_kwargs=True)
            hooks.callback(before.remove)
            hooks.callback(module.register_forward_hook(recorder.after(name)).remove)
        functional_call(net, dict(on_meta(net)), x, tie_weights=False)
    return recorder.ran


def _note(module: nn.Module, rows: list[LayerRow]) -> str | None:
    """A word for what is not drawn by itself; empty for what is not named; None if it is drawn."""
    if isinstance(module, HIDDEN) or not rows:
        return ""
    kinds = {row.kind for row in rows}
    if kinds <= {"LocalResponseNorm", "LRN", "CaffeLRN"}:
        return "LRN"
    if kinds <= {"BatchNorm2d", "ReLU", "Flatten", "Dropout", "Identity", "ELU"}:
        return "BN, ReLU" if len(kinds) > 1 else {"BatchNorm2d": "BN"}.get(next(iter(kinds)), "")
    return None


def _node(name: str, module: nn.Module, rows: list[LayerRow], shape: tuple[int, ...]) -> Node:
    captions = tuple(_captions(name, module, rows))
    return Node(name.rpartition(".")[2], _kind(rows), shape, captions, residual=is_residual(module))


def _kind(rows: list[LayerRow]) -> Kind:
    kinds = [row.kind for row in rows]
    if any("Transpose" in k or "Unpool" in k or k in ("Upsample", "BedOfNails") for k in kinds):
        return "enlarging"
    if any(k in ("Linear", "RBF") for k in kinds) and not any("Conv" in k for k in kinds):
        return "linear"
    if any(row.kernel is not None and row.macs for row in rows):
        return "convolution"
    return "pooling" if any("Pool" in k or k == "Subsample" for k in kinds) else "other"


def _captions(name: str, module: nn.Module, rows: list[LayerRow]) -> Iterator[str]:
    """What is in a stage: repeated units once, with their number."""
    children = dict(module.named_children())
    if _repeats(module):
        last = f"{short_of(name)}.{[*children][-1]}"  # the first often has a projection besides
        own = [row for row in rows if row.name == last or row.name.startswith(f"{last}.")]
        yield from filter(None, (_convs(own),))
        yield f"× {len(children)} {'residual ' if is_residual(module) else ''}blocks"
        return
    branches = sum(isinstance(child, nn.Sequential) for child in children.values())
    if not isinstance(module, nn.Sequential) and branches > 2:
        yield f"{branches} branches"
    else:
        yield from filter(None, (_convs(rows),))
    pools = [row for row in rows if "MaxPool" in row.kind or row.kind in ("AvgPool2d", "LpPool2d")]
    pools = [row for row in pools if row.kernel and row.stride and max(row.stride) > 1]
    strides = [
        max(row.stride) for row in rows if row.macs and row.stride and "Transpose" not in row.kind
    ]
    if pools and pools[0].kernel and pools[0].stride:
        yield f"{_window(pools[0])} pool, / {max(pools[0].stride)}"
    elif max(strides, default=1) > 1:
        yield f"stride {max(strides)}"


def _repeats(module: nn.Module) -> bool:
    """Whether a stage is a series of equal units of several layers each."""
    children = list(module.children())
    same = isinstance(module, nn.Sequential) and len({type(child) for child in children}) == 1
    return same and len(children) > 1 and any(children[0].children())


def is_residual(module: nn.Module) -> bool:
    """Whether a stage is residual blocks: their branch is added to a shortcut."""
    unit = list(module.children())[-1] if _repeats(module) else module
    if isinstance(unit, Block):
        return unit.shortcut is not None
    names = {name for name, _ in unit.named_children()}
    return not isinstance(unit, nn.Sequential) and bool(names & {"branch", "up"})


def _convs(rows: list[LayerRow]) -> str:
    """The convolutions in a row: "3×3 conv × 2", "1×1 3×3 1×1"; their number if they are many."""
    sizes = [_window(row) for row in rows if row.kernel and row.macs]
    if not sizes:
        return ""
    if len(set(sizes)) == 1:
        return f"{sizes[0]} conv" + (f" × {len(sizes)}" if len(sizes) > 1 else "")
    return " ".join(sizes) if len(sizes) <= 3 else f"{len(sizes)} convs"


def _window(row: LayerRow) -> str:
    assert row.kernel is not None
    return f"{row.kernel[0]}×{row.kernel[1]}"
