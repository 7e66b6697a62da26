"""The weights that training starts from, and the frozen ones."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from canon.data import Preprocessing
from canon.errors import InputError, nearest
from canon.runs.config import TrainConfig
from canon.runs.open import open_run
from canon.weights import Loaded, load, read


@dataclass(frozen=True)
class InitialWeights:
    """What a network was given before training.

    Args:
        loaded: what was put into it.
        mean: of each channel as the weights expect it, a fraction of white; None if not known.
        std: likewise.
    """

    loaded: Loaded
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def normalised(self, how: Preprocessing) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and deviation for images of these channels: one for all where the counts differ."""
        if self.mean is None or self.std is None:
            return None
        if len(self.mean) == how.channels:
            return self.mean, self.std
        mean, std = (sum(v) / len(v) for v in (self.mean, self.std))
        return (mean,) * how.channels, (std,) * how.channels


def load_initial_weights(
    net: nn.Module, asked: TrainConfig, classes: tuple[str, ...]
) -> InitialWeights | None:
    """Put the weights that were asked for into a network.

    They come from a run folder, a file, or a record of published ones. Other classes get a new
    head, other channels a fitted first convolution. A run and a record know how images were
    normalised, a file does not.

    Raises:
        RunError: no run in the folder.
        WeightsError: the weights cannot be read, or are of another network.
    """
    if asked.weights is None:
        return None
    if Path(asked.weights).is_dir():
        other = open_run(asked.weights)
        loaded = load(net, asked.model, other.checkpoint(), new_head=other.classes != classes)
        return InitialWeights(loaded, other.preprocessing.mean, other.preprocessing.std)
    loaded = load(net, asked.model, read(asked.weights))
    published = loaded.checkpoint.record
    return (
        InitialWeights(loaded, published.mean, published.std)
        if published
        else InitialWeights(loaded)
    )


def freeze(net: nn.Module, stage: str | None) -> None:
    """Keep the weights of all stages up to a named one as they are.

    Raises:
        InputError: no stage has that name.
    """
    if stage is None:
        return
    named = list(net.get_submodule("features").named_children())
    names = [name for name, _ in named]
    if stage not in names:
        raise InputError(
            f"no stage is named {stage!r}.{nearest(stage, names)} "
            f"Its stages are {', '.join(names)}."
        )
    for _, part in named[: names.index(stage) + 1]:
        part.requires_grad_(False)


def freeze_note(net: nn.Module, stage: str, start: InitialWeights | None) -> str:
    """What is kept as it is, for the user to know."""
    kept = sum(p.numel() for p in net.parameters() if not p.requires_grad)
    total = sum(p.numel() for p in net.parameters())
    random = "" if start else ", which are random: pass --weights to start from trained ones"
    return f"frozen up to {stage}: {kept:,} of {total:,} parameters{random}"
