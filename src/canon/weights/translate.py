"""Translate a checkpoint's keys to a network's, and identify the network it belongs to."""

from typing import Any

import torch
from torch import Tensor, nn

from canon import models
from canon.errors import WeightsError
from canon.models.fcn import FCN
from canon.weights.key_rules import DIALECTS
from canon.weights.mismatch import Shapes
from canon.weights.read import Checkpoint, State

COUNTER = "num_batches_tracked"  # older files lack it, and nothing here uses it


def shapes_of(state: State) -> Shapes:
    """The shape of every tensor."""
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


def translate(checkpoint: Checkpoint, name: str, shapes: Shapes) -> tuple[State, str | None]:
    """The tensors under our keys, and the library whose keys they had; None for our own.

    The dialect of the network that matches most keys is taken.
    """
    keys = set(shapes)
    candidates: list[tuple[State, str | None]] = [(checkpoint.state, None)]
    candidates += [
        (rename_keys(checkpoint.state, dialect.key), dialect.library)
        for dialect in DIALECTS if name in dialect.models
    ]  # fmt: skip
    best, library = max(candidates, key=lambda one: len(keys & set(one[0])))
    return {key: _as_shape(tensor, shapes.get(key)) for key, tensor in best.items()}, library


def rename_keys(state: State, key: Any) -> State:
    """The same tensors under other keys."""
    return {key(name): tensor for name, tensor in state.items()}


def _as_shape(tensor: Tensor, shape: tuple[int, ...] | None) -> Tensor:
    """Reshape a 1 x 1 convolution to a linear layer, or the reverse."""
    if shape is None or [n for n in shape if n > 1] != [n for n in tensor.shape if n > 1]:
        return tensor
    return tensor.reshape(shape)


def guess_model(state: State, exclude: str) -> str | None:
    """Another network with the same keys and inner shapes, or None."""
    candidates = sorted(
        ((d, m) for d in DIALECTS for m in d.models if m != exclude),
        key=lambda pair: not pair[1].startswith(exclude),
    )
    for dialect, model in candidates:
        ours = rename_keys(state, dialect.key)
        with torch.device("meta"):
            net = models.build(model)
        shapes = shapes_of(net.state_dict())
        first, last = ends(net)
        inner = [k for k in shapes if k != first and k not in last and not k.endswith(COUNTER)]
        if all(k in ours and ours[k].numel() == torch.Size(shapes[k]).numel() for k in inner):
            return model
    return None


def ends(net: nn.Module) -> tuple[str, set[str]]:
    """Keys of the first convolution's weight, and of the weights sized by the classes."""
    first = next(n for n, m in net.named_modules() if isinstance(m, nn.Conv2d))
    keys = net.state_dict()
    if isinstance(net, FCN):  # every layer after the head has a channel per class
        return f"{first}.weight", {k for k in keys if not k.startswith(("features.", "head."))}
    heads = [net.get_submodule("head")]
    heads += [child for name, child in net.named_children() if name.startswith("aux")]
    last = {id([m for m in head.modules() if not any(m.children())][-1]) for head in heads}
    layers = [n for n, m in net.named_modules() if id(m) in last]
    return f"{first}.weight", {k for k in keys if k.rpartition(".")[0] in layers}


def fit_channels(kernel: Tensor, own: Tensor) -> Tensor | None:
    """A kernel for another number of channels: summed for one, repeated and scaled for more."""
    count, c_in = own.shape[1], kernel.shape[1]
    if kernel.shape[0] != own.shape[0] or kernel.shape[2:] != own.shape[2:] or count == c_in:
        return None
    if count == 1:
        return kernel.sum(1, keepdim=True)
    repeats = -(-count // c_in)
    return kernel.repeat(1, repeats, 1, 1)[:, :count] * (c_in / count)


def wrong_model_error(checkpoint: Checkpoint, trained: str, wanted: str) -> WeightsError:
    """The error for weights of another network."""
    if not {trained, wanted} <= set(models.names()):
        return WeightsError(
            f"weights {checkpoint.source!r} are of {trained!r}, not {wanted!r}; expected the same "
            "network. Use other weights."
        )
    with torch.device("meta"):
        nets = [models.build(n).state_dict() for n in (trained, wanted)]
    ours, theirs = ([tensor.shape for tensor in net.values()] for net in nets)
    why = ": the keys match, but the architecture differs" if ours == theirs else ""
    return WeightsError(
        f"weights {checkpoint.source!r} were trained for {trained!r}, not {wanted!r}{why}. "
        f"Build {trained!r} instead."
    )
