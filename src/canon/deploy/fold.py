"""Fold batch normalisation into the convolution or linear layer before it.

With the running mean m, variance v, scale g and shift b of the normalisation, a layer Wx + c
followed by it is the layer W'x + c' with

    W' = g W / sqrt(v + eps),    c' = g (c - m) / sqrt(v + eps) + b
"""

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

CONVOLUTIONS = (
    torch.ops.aten.conv1d.default,
    torch.ops.aten.conv2d.default,
    torch.ops.aten.conv3d.default,
)
TRANSPOSED = (torch.ops.aten.conv_transpose2d.input,)
LINEAR = (torch.ops.aten.linear.default,)
NORMALIZATION = torch.ops.aten.batch_norm.default
DROPOUT = (torch.ops.aten.dropout.default, torch.ops.aten.feature_dropout.default)


def fold(graph: fx.GraphModule) -> fx.GraphModule:
    """Fold what follows a layer into it, and remove dropout.

    Normalisations that come before their layer, as in pre-activation networks, or after a layer
    that others use as well, are left as they are.

    Args:
        graph: the module of a program exported in evaluation mode; it is changed.
    """
    for node in list(graph.graph.nodes):
        if node.op != "call_function":
            continue
        if node.target in DROPOUT:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)  # as it draws random numbers, it does not count as dead
        elif node.target is NORMALIZATION:
            _fold_normalization(graph, node)
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def _fold_normalization(graph: fx.GraphModule, norm: fx.Node) -> None:
    layer = norm.args[0]
    assert isinstance(layer, fx.Node)
    if len(layer.users) > 1 or not _foldable(layer):
        return
    weight, bias, mean, variance = (_tensor(graph, node) for node in norm.args[1:5])
    if mean is None or variance is None:  # statistics of the batch
        return
    kernel, offset = _tensor(graph, layer.args[1]), _tensor(graph, _argument(layer, 2))
    assert kernel is not None
    scale = torch.ones_like(mean) if weight is None else weight
    shift = torch.zeros_like(mean) if bias is None else bias
    epsilon = norm.args[7]
    assert isinstance(epsilon, float)
    statistics = mean.double(), variance.double(), epsilon, scale.double(), shift.double()
    if layer.target in LINEAR:
        new = fuse_linear_bn_weights(kernel.double(), _wide(offset), *statistics)
    else:
        transposed = layer.target in TRANSPOSED
        new = fuse_conv_bn_weights(
            kernel.double(), _wide(offset), *statistics, transpose=transposed
        )
    with graph.graph.inserting_before(layer):
        nodes = [
            _constant(graph, f"folded_{layer.name}_{part}", value.to(kernel.dtype))
            for part, value in zip(("weight", "bias"), new, strict=True)
        ]
    layer.args = (layer.args[0], *nodes, *layer.args[3:])
    norm.replace_all_uses_with(layer)


def _foldable(layer: fx.Node) -> bool:
    if layer.op != "call_function":
        return False
    groups = _argument(layer, 6)
    plain = layer.target in (*CONVOLUTIONS, *LINEAR)
    return plain or (layer.target in TRANSPOSED and groups in (None, 1))


def _argument(node: fx.Node, place: int) -> Any:
    return node.args[place] if len(node.args) > place else None


def _tensor(graph: fx.GraphModule, node: Any) -> Tensor | None:
    """The parameter or buffer that a node reads."""
    if not isinstance(node, fx.Node):
        return None
    assert node.op == "get_attr", f"{node} is computed"
    owner, _, name = str(node.target).rpartition(".")
    found = getattr(graph.get_submodule(owner), name)
    assert isinstance(found, Tensor)
    return found.detach()


def _wide(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.double()


def _constant(graph: fx.GraphModule, name: str, value: Tensor) -> fx.Node:
    graph.register_parameter(name, nn.Parameter(value, requires_grad=False))
    return graph.graph.get_attr(name)
