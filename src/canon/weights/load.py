"""Load a checkpoint into a network: translate its keys, check its function, adapt its ends."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from canon import models
from canon.weights.mismatch import differences, invalid_values, mismatch_error
from canon.weights.read import Checkpoint, State, read
from canon.weights.transfer import initializers_of, transferable
from canon.weights.translate import (
    COUNTER,
    ends,
    fit_channels,
    guess_model,
    shapes_of,
    translate,
    wrong_model_error,
)

LOG = logging.getLogger("canon")


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
    net = models.build(name, classes=classes, channels=channels, image=image, seed=seed, **more)
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
    kin = _kin(net, name, checkpoint)
    if kin is not None:
        return _from_kin(net, kin, checkpoint, new_head)
    if checkpoint.model not in (None, name):
        raise wrong_model_error(checkpoint, checkpoint.model, name)
    own = net.state_dict()
    shapes = shapes_of(own)
    state = translate(checkpoint, name, shapes)
    first, last = ends(net)
    adapted = _adapted(state, state, own, first)
    other = {k for k in own if k not in state or state[k].shape != own[k].shape}
    renewed = {k for k in other if k.startswith("aux") or (k in last and k in state)}
    renewed |= last if new_head else set()
    heads = {k.rpartition(".")[0] for k in renewed}
    replaced = tuple(k for k in own if k.rpartition(".")[0] in heads)
    state |= {k: own[k] for k in replaced}
    state |= {k: own[k] for k in own if k.endswith(COUNTER) and k not in state}
    faults = differences(shapes, shapes_of(state)) or invalid_values(state, own)
    if faults:
        whose = guess_model(checkpoint.state, besides=name) if checkpoint.model is None else None
        raise (
            wrong_model_error(checkpoint, whose, name)
            if whose
            else mismatch_error(checkpoint, name, faults)
        )
    net.load_state_dict(state)
    only_classes = renewed <= last
    why = (
        "the classes differ"
        if only_classes
        else "the file has none for this image or these classes"
    )
    return Loaded(checkpoint, replaced, adapted, why)


def _kin(net: nn.Module, name: str, checkpoint: Checkpoint) -> str | None:
    """The network that a checkpoint is of, if it is one that this one starts from."""
    kin = initializers_of(name, net)
    if checkpoint.model is not None or not kin:
        return checkpoint.model if checkpoint.model in kin else None
    if set(net.state_dict()) & set(checkpoint.state) > set(ends(net)[1]):
        return None  # its own, from a file that does not say so
    whose = guess_model(checkpoint.state, besides=name)
    return whose if whose in kin else None


def _from_kin(net: nn.Module, kin: str, checkpoint: Checkpoint, new_head: bool) -> Loaded:
    """Start from the weights of another network, as its authors did."""
    with torch.device("meta"):
        shapes = shapes_of(models.build(kin).state_dict())
    theirs = translate(checkpoint, kin, shapes)
    own = net.state_dict()
    first, last = ends(net)
    taken = transferable(own, theirs)
    adapted = _adapted(taken, theirs, own, first)
    taken = {k: v for k, v in taken.items() if not (new_head and k in last)}
    needed = {k for k in shapes if k.startswith("features.") and not k.endswith(COUNTER)}
    missing = [f"{k} is missing" for k in sorted(needed - set(taken))]
    if faults := missing or invalid_values(taken, own):
        raise mismatch_error(checkpoint, kin, faults)
    net.load_state_dict(own | taken)
    replaced = tuple(k for k in own if k not in taken and not k.endswith(COUNTER))
    return Loaded(checkpoint, replaced, adapted, f"{kin} has none")


def _adapted(state: State, theirs: State, own: State, first: str) -> str | None:
    """Put the first convolution into a state, its channels fitted; its key if that was needed."""
    if first not in theirs or theirs[first].shape == own[first].shape:
        return None
    fitted = fit_channels(theirs[first], own[first])
    if fitted is None:
        return None
    state[first] = fitted
    return first


def load_exact(net: nn.Module, name: str, checkpoint: Checkpoint) -> None:
    """Put a checkpoint into the network that it was made of, in place; nothing is adapted.

    Raises:
        WeightsError: the weights are of another network.
    """
    if checkpoint.model not in (None, name):
        raise wrong_model_error(checkpoint, checkpoint.model, name)
    faults = differences(shapes_of(net.state_dict()), shapes_of(checkpoint.state))
    if faults:
        raise mismatch_error(checkpoint, name, faults)
    net.load_state_dict(checkpoint.state)
