"""What a clustering is made from, and how one phase of it trains."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import ceil, isnan, nan
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn

from canon.tasks.clustering.batches import IndexedBatches, Repeated, Samples, VectorBatches
from canon.tasks.clustering.losses.objectives import Hardening
from canon.tasks.clustering.losses.settled import Settled
from canon.tasks.clustering.methods import ImageRecipe, Method
from canon.tasks.clustering.starts import Floats
from canon.training import Epoch, Event, Limits, fit
from canon.training.checkpoint import Checkpoints
from canon.training.interfaces import Objective

LEAST_STEPS = 50  # of an epoch


@dataclass(frozen=True)
class Phase:
    """A phase begins."""

    text: str


@dataclass(frozen=True)
class PhaseEpoch:
    """An epoch of a phase ended.

    Args:
        phase: `pretraining`, `warming`, `training` or `retraining`.
        epoch: what training yields.
        changed: share of the labels that changed at its beginning, if there are labels.
    """

    phase: str
    epoch: Epoch
    changed: float | None = None


Events = Generator[Phase | PhaseEpoch | Event, None, Any]


@dataclass(frozen=True)
class Features:
    """A trained network whose output is clustered in place of an auto-encoder's codes.

    Args:
        code: the network.
        samples: the samples as it takes them.
    """

    code: nn.Module
    samples: Samples


@dataclass(frozen=True)
class Job:
    """What a clustering is made from.

    Args:
        method: a point of the taxonomy.
        k: clusters.
        seed: of everything that is random.
        auto_encoder: the network of the method, not trained.
        classifier: the network that classification and association train, if the method has one.
        pretraining: recipe of the auto-encoder.
        training: recipe with the clustering loss, if the method has one.
        warming: recipe before k-means, for association.
        pretraining_batches: images for the first.
        training_batches: images for the second.
        pixels: gives (N, D) float32 pixels, fractions of white.
        accelerator: the devices.
        states: folder of training states and intermediate results; None keeps none.
        features: a trained network, if its output is clustered.
    """

    method: Method
    k: int
    seed: int
    auto_encoder: nn.Module
    classifier: nn.Module | None
    pretraining: ImageRecipe
    training: ImageRecipe | None
    warming: ImageRecipe | None
    pretraining_batches: IndexedBatches | VectorBatches
    training_batches: IndexedBatches | VectorBatches
    pixels: Callable[[], Floats]
    accelerator: Accelerator
    states: Path | None = None
    features: Features | None = None

    @property
    def retraining(self) -> ImageRecipe | None:
        """Recipe with clusters that are found again: that of training."""
        return self.training

    @property
    def samples(self) -> Samples:
        """The samples as they are."""
        return self.training_batches


def repeats(samples: int, batch: int) -> int:
    """How often an epoch sees each sample: once, or more if that were fewer than 50 steps."""
    return max(1, ceil(LEAST_STEPS / ceil(samples / batch)))


def fit_phase(job: Job, net: nn.Module, objective: Objective, phase: str) -> Events:
    """Train in one phase, continuing from its last state if there is one."""
    recipe = getattr(job, phase)
    checkpoints = Checkpoints(job.states / phase, resume=True) if job.states else None
    job.accelerator.free_memory()  # the phase before has prepared its network
    settled = Settled(objective) if isinstance(objective, Hardening) else None
    samples = job.pretraining_batches if phase == "pretraining" else job.training_batches
    batches = Repeated(samples, repeats(samples.count, recipe.batch))
    events = fit(
        net, objective, batches, recipe, job.accelerator,
        limits=Limits(recipe.epochs, patience=int(settled is not None)), evaluate=settled,
        checkpoints=checkpoints, seed=job.seed,
    )  # fmt: skip
    try:
        for event in events:
            if isinstance(event, Epoch):
                trained = getattr(objective, "trained", None)
                changed = nan if trained is None else float(trained.changed)
                yield PhaseEpoch(phase, event, None if isnan(changed) else changed)
            else:
                yield event
    finally:
        events.close()
