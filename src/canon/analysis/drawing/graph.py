"""What a drawing shows: the stages of a network that run, and which outputs each of them takes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from canon.analysis.description import Description, LayerRow, short
from canon.analysis.drawing.captions import (
    Number,
    branches_of,
    captions_of,
    is_residual,
    kind_of,
    note_of,
    numbers_of,
)
from canon.analysis.layer_table import build_on_meta, describe, on_meta
from canon.analysis.receptive_field import tensors
from canon.errors import InputError
from canon.layers.stages import eval_mode

MOST = 14  # nodes in one row, with poolings by themselves


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
        unpools: whether it takes the places of maxima by its skip connection.
        branches: side by side in it.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    captions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    residual: bool = False
    linked: bool = True
    unpools: bool = False
    branches: int = 1


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
    net, size, channels = build_on_meta(model, image, channels, classes, **more)
    table = describe(net, size, channels=channels)
    modules = dict(_stages(net))
    ran = _run(net, table.input, modules)
    nodes: list[Node] = []
    position: dict[str, int] = {}  # of the node that has the output of a stage
    skips = set()
    for name, (shape, sources) in ran.items():
        module = modules[name]
        own = short(name)
        rows = [row for row in table.rows if row.name == own or row.name.startswith(f"{own}.")]
        joined = note_of(module, rows)
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
    graph = Graph(table.input, tuple(nodes), tuple(sorted(skips)), table)
    return _without_pools(graph) if skips and len(nodes) > MOST else graph


def _without_pools(graph: Graph) -> Graph:
    """Poolings as a line on the stage before them, so that a long network fits the page."""
    nodes: list[Node] = []
    position = []
    targets = {target for _, target in graph.skips}
    for i, node in enumerate(graph.nodes):
        before = nodes[-1] if nodes else None
        foldable = node.kind == "pooling" and node.linked and i not in targets and node.captions
        if before is not None and before.kind == "convolution" and foldable:
            nodes[-1] = replace(before, captions=(*before.captions, *node.captions))
        else:
            nodes.append(node)
        position.append(len(nodes) - 1)
    skips = tuple(sorted({(position[a], position[b]) for a, b in graph.skips}))
    return replace(graph, nodes=tuple(nodes), skips=skips)


def with_numbers(graph: Graph, names: Sequence[Number]) -> Graph:
    """The graph with further lines under its stages.

    Args:
        graph: of a network.
        names: `field` (receptive field), `parameters`, `multiplications`.
    """
    rows = {row.name: row for row in graph.description.stages()}
    nodes = [
        replace(node, notes=(*node.notes, *numbers_of(rows[node.name], graph.description, names)))
        if node.name in rows else node
        for node in graph.nodes
    ]  # fmt: skip
    return replace(graph, nodes=tuple(nodes))


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


def _node(name: str, module: nn.Module, rows: list[LayerRow], shape: tuple[int, ...]) -> Node:
    captions = tuple(captions_of(name, module, rows))
    unpools = any(isinstance(part, nn.MaxUnpool2d) for part in module.modules())
    return Node(
        name.rpartition(".")[2], kind_of(rows), shape, captions, residual=is_residual(module),
        unpools=unpools, branches=branches_of(module),
    )  # fmt: skip
