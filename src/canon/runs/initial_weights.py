"""The weights that training starts from, and the frozen ones."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from canon.data import Preprocessing
from canon.data.packs.base import ChannelStatistics
from canon.layers.stages import require_stage
from canon.runs.config import TrainConfig
from canon.runs.open import open_run
from canon.weights import Loaded, load, read


@dataclass(frozen=True)
class InitialWeights:
    """The weights that a network starts from.

    Args:
        loaded: what was loaded.
        mean: of each channel as the weights expect it, a fraction of white; None if not known.
        std: of each channel, in the same way.
    """

    loaded: Loaded
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def normalization(self, prep: Preprocessing) -> ChannelStatistics | None:
        """Mean and std for images of these channels: one for all where the counts differ."""
        if self.mean is None or self.std is None:
            return None
        if len(self.mean) == prep.channels:
            return self.mean, self.std
        mean, std = (sum(v) / len(v) for v in (self.mean, self.std))
        return (mean,) * prep.channels, (std,) * prep.channels


def load_initial_weights(
    net: nn.Module, config: TrainConfig, classes: tuple[str, ...]
) -> InitialWeights | None:
    """Load the initial weights of a configuration into a network.

    They come from a run folder, a weight file, or the catalog of published ones. Other classes get
    a new head, other channels an adapted first convolution. Runs and published weights know their
    normalisation, a file does not.

    Raises:
        RunError: no run in the folder.
        WeightsError: the weights cannot be read, or are of another network.
    """
    if config.weights is None:
        return None
    if Path(config.weights).is_dir():
        other = open_run(config.weights)
        loaded = load(net, config.model, other.checkpoint(), new_head=other.classes != classes)
        return InitialWeights(loaded, other.preprocessing.mean, other.preprocessing.std)
    loaded = load(net, config.model, read(config.weights))
    published = loaded.checkpoint.published
    if published is None:
        return InitialWeights(loaded, *(loaded.normalization or (None, None)))
    return InitialWeights(loaded, published.mean, published.std)


def freeze(net: nn.Module, stage: str | None) -> None:
    """Freeze all stages up to a named one.

    Raises:
        InputError: no stage has that name.
    """
    if stage is None:
        return
    require_stage(net, stage)
    for name, part in net.get_submodule("features").named_children():
        part.requires_grad_(False)
        if name == stage:
            break


def freeze_note(net: nn.Module, stage: str, initial: InitialWeights | None) -> str:
    """How many parameters are frozen."""
    frozen = sum(p.numel() for p in net.parameters() if not p.requires_grad)
    total = sum(p.numel() for p in net.parameters())
    random = "" if initial else ", which are random: pass --weights to start from trained ones"
    return f"frozen up to {stage}: {frozen:,} of {total:,} parameters{random}"
