"""Putting a checkpoint into a network: names translated, function checked, ends adapted."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from canon import models
from canon.errors import WeightsError
from canon.weights.faults import Shapes, differences, fault, values
from canon.weights.read import Checkpoint, State, read
from canon.weights.rules import DIALECTS

LOG = logging.getLogger("canon")
COUNTER = "num_batches_tracked"  # older files do not have it, and nothing here depends on it


@dataclass(frozen=True)
class Loaded:
    """What was put into a network.

    Args:
        checkpoint: where it came from.
        replaced: keys that keep their initial weights, because the classes or, in an auxiliary
            head, the size of the image differ.
        adapted: the first convolution, if its channels were fitted.
        why: they were replaced.
    """

    checkpoint: Checkpoint
    replaced: tuple[str, ...] = ()
    adapted: str | None = None
    why: str = "the classes differ"

    def notes(self) -> list[str]:
        """What the user should know of, a line each."""
        lines = []
        if self.adapted:
            lines.append(f"{self.adapted}: colours of the weights fitted to the images' channels")
        if self.replaced:
            lines.append(f"new weights for {', '.join(self.replaced)}: {self.why}")
        return lines


def create(
    name: str,
    *,
    weights: str | Path | None = None,
    classes: int | None = None,
    channels: int | None = None,
    image: int | None = None,
    seed: int = 0,
    **more: Any,
) -> nn.Module:
    """Build a network with its paper's initialisation, or with weights from elsewhere.

    Args:
        name: a registered name.
        weights: a file of weights or the name of a record; see `canon list weights`.
        classes: outputs; None means the paper's.
        channels: of the input images; None means the paper's.
        image: side of the input images in pixels; None means the paper's.
        seed: of the initial weights.
        more: what the name leaves open, such as the `width` of `unet-same`.

    Raises:
        InputError: an unknown name, a number below one, or an image too small for the network.
        WeightsError: weights that cannot be read or are of another network.
    """
    net = models.create(name, classes=classes, channels=channels, image=image, seed=seed, **more)
    if weights is not None:
        for line in load(net, name, read(weights)).notes():
            LOG.warning("%s", line)
    return net


def load(net: nn.Module, name: str, checkpoint: Checkpoint, new_head: bool = False) -> Loaded:
    """Put a checkpoint into a network, in place.

    Another count of classes leaves the last layers as they are; another count of channels sums the
    first convolution's colours for grey images, and repeats them, scaled, for more than three.

    Args:
        net: the network.
        name: its registered name.
        checkpoint: what to put into it.
        new_head: leave the last layers as they are even if their shapes fit.

    Raises:
        WeightsError: the weights are of another network or of another function.
    """
    if checkpoint.model not in (None, name):
        raise _of_another(checkpoint, checkpoint.model, name)
    own = net.state_dict()
    shapes = _shapes(own)
    state = _translated(checkpoint, name, shapes)
    first, last = _ends(net)
    adapted = None
    if first in state and state[first].shape != own[first].shape:
        fitted = _fit_channels(state[first], own[first])
        if fitted is not None:
            state[first], adapted = fitted, first
    other = {k for k in own if k not in state or state[k].shape != own[k].shape}
    renewed = {k for k in other if k.startswith("aux") or (k in last and k in state)}
    renewed |= last if new_head else set()
    heads = {k.rpartition(".")[0] for k in renewed}
    replaced = tuple(k for k in own if k.rpartition(".")[0] in heads)
    state |= {k: own[k] for k in replaced}
    state |= {k: own[k] for k in own if k.endswith(COUNTER) and k not in state}
    faults = differences(shapes, _shapes(state)) or values(state, own)
    if faults:
        whose = _whose(checkpoint.state, besides=name) if checkpoint.model is None else None
        raise _of_another(checkpoint, whose, name) if whose else fault(checkpoint, name, faults)
    net.load_state_dict(state)
    only_classes = renewed <= last
    why = (
        "the classes differ"
        if only_classes
        else "the file has none for this image or these classes"
    )
    return Loaded(checkpoint, replaced, adapted, why)


def put(net: nn.Module, name: str, checkpoint: Checkpoint) -> None:
    """Put a checkpoint into the network that it was made of, in place; nothing is adapted.

    Raises:
        WeightsError: the weights are of another network.
    """
    if checkpoint.model not in (None, name):
        raise _of_another(checkpoint, checkpoint.model, name)
    faults = differences(_shapes(net.state_dict()), _shapes(checkpoint.state))
    if faults:
        raise fault(checkpoint, name, faults)
    net.load_state_dict(checkpoint.state)


def _shapes(state: State) -> Shapes:
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


def _translated(checkpoint: Checkpoint, name: str, shapes: Shapes) -> State:
    """The tensors by our keys, as far as a dialect of the network explains them."""
    known = set(shapes)
    candidates = [checkpoint.state]
    candidates += [renamed(checkpoint.state, d.key) for d in DIALECTS if name in d.models]
    best = max(candidates, key=lambda state: len(known & set(state)))
    return {key: _squeezed(tensor, shapes.get(key)) for key, tensor in best.items()}


def renamed(state: State, key: Any) -> State:
    """The same tensors by other keys."""
    return {key(name): tensor for name, tensor in state.items()}


def _squeezed(tensor: Tensor, shape: tuple[int, ...] | None) -> Tensor:
    """A 1 x 1 convolution is a linear layer, and the other way round."""
    ours = [n for n in shape or () if n > 1]
    same = shape is not None and ours == [n for n in tensor.shape if n > 1]
    return tensor.reshape(shape) if same and shape is not None else tensor


def _whose(state: State, besides: str) -> str | None:
    """Another network whose keys and inner shapes are these."""
    kin = sorted(
        ((d, m) for d in DIALECTS for m in d.models if m != besides),
        key=lambda pair: not pair[1].startswith(besides),
    )
    for dialect, model in kin:
        ours = renamed(state, dialect.key)
        with torch.device("meta"):
            net = models.create(model)
        shapes = _shapes(net.state_dict())
        first, last = _ends(net)
        inner = [k for k in shapes if k != first and k not in last and not k.endswith(COUNTER)]
        if all(k in ours and ours[k].numel() == torch.Size(shapes[k]).numel() for k in inner):
            return model
    return None


def _of_another(checkpoint: Checkpoint, trained: str, asked: str) -> WeightsError:
    if not {trained, asked} <= set(models.names()):
        return WeightsError(
            f"weights {checkpoint.source!r} are those of {trained!r}, not {asked!r}; expected the "
            "same network. Use other weights."
        )
    with torch.device("meta"):
        nets = [models.create(n).state_dict() for n in (trained, asked)]
    ours, theirs = ([tensor.shape for tensor in net.values()] for net in nets)
    why = ": the keys fit, the function differs" if ours == theirs else ""
    return WeightsError(
        f"weights {checkpoint.source!r} were trained for {trained!r}, not {asked!r}{why}. "
        f"Build {trained!r} instead."
    )


def _ends(net: nn.Module) -> tuple[str, set[str]]:
    """The key of the first convolution's weight, and the keys of the layers that end in classes."""
    first = next(n for n, m in net.named_modules() if isinstance(m, nn.Conv2d))
    heads = [net.get_submodule("head")]
    heads += [child for name, child in net.named_children() if name.startswith("aux")]
    ending = {id([m for m in head.modules() if not any(m.children())][-1]) for head in heads}
    named = [n for n, m in net.named_modules() if id(m) in ending]
    return f"{first}.weight", {k for k in net.state_dict() if k.rpartition(".")[0] in named}


def _fit_channels(theirs: Tensor, ours: Tensor) -> Tensor | None:
    """A kernel over other channels: summed for one, repeated and scaled for more."""
    channels, given = ours.shape[1], theirs.shape[1]
    if theirs.shape[0] != ours.shape[0] or theirs.shape[2:] != ours.shape[2:] or channels == given:
        return None
    if channels == 1:
        return theirs.sum(1, keepdim=True)
    repeats = -(-channels // given)
    return theirs.repeat(1, repeats, 1, 1)[:, :channels] * (given / channels)
