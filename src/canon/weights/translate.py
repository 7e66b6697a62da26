"""A checkpoint's tensors under a network's keys, and which network they belong to."""

from typing import Any

import torch
from torch import Tensor, nn

from canon import models
from canon.errors import WeightsError
from canon.weights.key_rules import DIALECTS
from canon.weights.mismatch import Shapes
from canon.weights.read import Checkpoint, State

COUNTER = "num_batches_tracked"  # older files do not have it, and nothing here depends on it


def shapes_of(state: State) -> Shapes:
    """The shape of every tensor."""
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


def translate(checkpoint: Checkpoint, name: str, shapes: Shapes) -> State:
    """The tensors by our keys, as far as a dialect of the network explains them."""
    known = set(shapes)
    candidates = [checkpoint.state]
    candidates += [rename_keys(checkpoint.state, d.key) for d in DIALECTS if name in d.models]
    best = max(candidates, key=lambda state: len(known & set(state)))
    return {key: _squeezed(tensor, shapes.get(key)) for key, tensor in best.items()}


def rename_keys(state: State, key: Any) -> State:
    """The same tensors by other keys."""
    return {key(name): tensor for name, tensor in state.items()}


def _squeezed(tensor: Tensor, shape: tuple[int, ...] | None) -> Tensor:
    """A 1 x 1 convolution is a linear layer, and the other way round."""
    ours = [n for n in shape or () if n > 1]
    same = shape is not None and ours == [n for n in tensor.shape if n > 1]
    return tensor.reshape(shape) if same and shape is not None else tensor


def guess_model(state: State, besides: str) -> str | None:
    """Another network whose keys and inner shapes are these."""
    kin = sorted(
        ((d, m) for d in DIALECTS for m in d.models if m != besides),
        key=lambda pair: not pair[1].startswith(besides),
    )
    for dialect, model in kin:
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
    """The key of the first convolution's weight, and the keys of the layers that end in classes."""
    first = next(n for n, m in net.named_modules() if isinstance(m, nn.Conv2d))
    heads = [net.get_submodule("head")]
    heads += [child for name, child in net.named_children() if name.startswith("aux")]
    ending = {id([m for m in head.modules() if not any(m.children())][-1]) for head in heads}
    named = [n for n, m in net.named_modules() if id(m) in ending]
    keys = net.state_dict()
    scores = {k for k in keys if "score" in k}  # of the fully convolutional nets
    return f"{first}.weight", scores or {k for k in keys if k.rpartition(".")[0] in named}


def fit_channels(theirs: Tensor, ours: Tensor) -> Tensor | None:
    """A kernel over other channels: summed for one, repeated and scaled for more."""
    channels, given = ours.shape[1], theirs.shape[1]
    if theirs.shape[0] != ours.shape[0] or theirs.shape[2:] != ours.shape[2:] or channels == given:
        return None
    if channels == 1:
        return theirs.sum(1, keepdim=True)
    repeats = -(-channels // given)
    return theirs.repeat(1, repeats, 1, 1)[:, :channels] * (given / channels)


def wrong_model_error(checkpoint: Checkpoint, trained: str, asked: str) -> WeightsError:
    """The error for weights of another network."""
    if not {trained, asked} <= set(models.names()):
        return WeightsError(
            f"weights {checkpoint.source!r} are those of {trained!r}, not {asked!r}; expected the "
            "same network. Use other weights."
        )
    with torch.device("meta"):
        nets = [models.build(n).state_dict() for n in (trained, asked)]
    ours, theirs = ([tensor.shape for tensor in net.values()] for net in nets)
    why = ": the keys fit, the function differs" if ours == theirs else ""
    return WeightsError(
        f"weights {checkpoint.source!r} were trained for {trained!r}, not {asked!r}{why}. "
        f"Build {trained!r} instead."
    )
