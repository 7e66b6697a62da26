"""Load a checkpoint into a network: translate keys, check them, adapt the first and last layer."""

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from canon import models
from canon.utils.tables import counted
from canon.weights.catalog import usual_normalization
from canon.weights.mismatch import Mismatch, differences, invalid_values, mismatch_error
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
    """The result of loading a checkpoint.

    Args:
        checkpoint: its source.
        replaced: keys that keep their initial weights, because the classes or, in an auxiliary
            head, the size of the image differ.
        adapted: key of the first convolution, if it was adapted to other channels.
        reason: for the replacement.
        normalization: mean and std that the library of its keys uses; None if it is unknown.
    """

    checkpoint: Checkpoint
    replaced: tuple[str, ...] = ()
    adapted: str | None = None
    reason: str = "the classes differ"
    normalization: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    def notes(self) -> list[str]:
        """Notes for the user, one line each."""
        lines = []
        if self.adapted:
            lines.append(f"{self.adapted}: adapted to the number of image channels")
        if self.replaced:
            lines.append(f"new weights for {', '.join(self._parts())}: {self.reason}")
        return lines

    def _parts(self) -> list[str]:
        """What was replaced, by part of the network where it is much."""
        if len(self.replaced) <= 6:
            return list(self.replaced)
        counts = Counter(key.partition(".")[0] for key in self.replaced)
        return [f"{part} ({counted(count, 'tensor')})" for part, count in counts.items()]


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
    """Build a network with its paper's initialisation, or with pretrained weights.

    Args:
        name: a registered name.
        weights: a file, a run folder, or a name from `canon list weights`.
        classes: outputs; None means the paper's.
        channels: of the input images; None means the paper's.
        image: side of the input images in pixels; None means the paper's.
        seed: of the initial weights.
        more: further options of the network, such as the `width` of `unet-same`.

    Raises:
        InputError: the name is unknown, a number is below one, or the image is too small.
        WeightsError: the weights cannot be read or are of another network.
    """
    net = models.build(name, classes=classes, channels=channels, image=image, seed=seed, **more)
    if weights is not None:
        for line in load(net, name, read(weights)).notes():
            LOG.warning("%s", line)
    return net


def load(net: nn.Module, name: str, checkpoint: Checkpoint, new_head: bool = False) -> Loaded:
    """Load a checkpoint into a network, in place.

    If the number of classes differs, the last layers keep their initial weights. If the number of
    channels differs, the first convolution is summed over channels for grey images, and repeated
    and scaled for more than three channels.

    Args:
        net: the network.
        name: its registered name.
        checkpoint: the weights.
        new_head: keep the initial weights of the last layers even if their shapes match.

    Raises:
        WeightsError: the weights are of another network or compute another function.
    """
    initializer = _initializer(net, name, checkpoint)
    if initializer is not None:
        return _transfer(net, initializer, checkpoint, new_head)
    if checkpoint.model not in (None, name):
        raise wrong_model_error(checkpoint, checkpoint.model, name)
    own = net.state_dict()
    shapes = shapes_of(own)
    state, library = translate(checkpoint, name, shapes)
    first, last = ends(net)
    adapted = _adapt_first(state, state, own, first)
    misfits = {k for k in own if k not in state or state[k].shape != own[k].shape}
    renewed = {k for k in misfits if k.startswith("aux") or (k in last and k in state)}
    renewed |= last if new_head else set()
    layers = {k.rpartition(".")[0] for k in renewed}
    replaced = tuple(k for k in own if k.rpartition(".")[0] in layers)
    state |= {k: own[k] for k in replaced}
    state |= {k: own[k] for k in own if k.endswith(COUNTER) and k not in state}
    if mismatches := differences(shapes, shapes_of(state)) or invalid_values(state, own):
        trained = guess_model(checkpoint.state, exclude=name) if checkpoint.model is None else None
        raise (
            wrong_model_error(checkpoint, trained, name)
            if trained
            else mismatch_error(checkpoint, name, mismatches)
        )
    net.load_state_dict(state)
    reason = "the classes differ" if renewed <= last else "the classes or the image size differ"
    return Loaded(checkpoint, replaced, adapted, reason, usual_normalization(library, name))


def _initializer(net: nn.Module, name: str, checkpoint: Checkpoint) -> str | None:
    """The network of a checkpoint, if its weights can initialise this one."""
    initializers = initializers_of(name, net)
    if checkpoint.model is not None or not initializers:
        return checkpoint.model if checkpoint.model in initializers else None
    if set(net.state_dict()) & set(checkpoint.state) > set(ends(net)[1]):
        return None  # the network's own weights, from a file that does not name it
    trained = guess_model(checkpoint.state, exclude=name)
    return trained if trained in initializers else None


def _transfer(net: nn.Module, initializer: str, checkpoint: Checkpoint, new_head: bool) -> Loaded:
    """Initialise a network with the weights of another, as its authors did."""
    with torch.device("meta"):
        shapes = shapes_of(models.build(initializer).state_dict())
    source, library = translate(checkpoint, initializer, shapes)
    own = net.state_dict()
    first, last = ends(net)
    taken = transferable(own, source)
    adapted = _adapt_first(taken, source, own, first)
    taken = {k: v for k, v in taken.items() if not (new_head and k in last)}
    needed = {k for k in shapes if k.startswith("features.") and not k.endswith(COUNTER)}
    missing = [Mismatch("missing", k) for k in sorted(needed - set(taken))]
    if mismatches := missing or invalid_values(taken, own):
        raise mismatch_error(checkpoint, initializer, mismatches)
    net.load_state_dict(own | taken)
    replaced = tuple(k for k in own if k not in taken and not k.endswith(COUNTER))
    reason = f"{initializer} has no such layers"
    usual = usual_normalization(library, initializer)
    return Loaded(checkpoint, replaced, adapted, reason, usual)


def _adapt_first(state: State, source: State, own: State, first: str) -> str | None:
    """Adapt the first convolution to the channels, in `state`; its key if that was needed."""
    if first not in source or source[first].shape == own[first].shape:
        return None
    fitted = fit_channels(source[first], own[first])
    if fitted is None:
        return None
    state[first] = fitted
    return first


def load_exact(net: nn.Module, name: str, checkpoint: Checkpoint) -> None:
    """Load a checkpoint of the same network, in place, without adaptation.

    Raises:
        WeightsError: the weights are of another network.
    """
    if checkpoint.model not in (None, name):
        raise wrong_model_error(checkpoint, checkpoint.model, name)
    own = net.state_dict()
    mismatches = differences(shapes_of(own), shapes_of(checkpoint.state))
    mismatches = mismatches or invalid_values(checkpoint.state, own)
    if mismatches:
        raise mismatch_error(checkpoint, name, mismatches)
    net.load_state_dict(checkpoint.state)
