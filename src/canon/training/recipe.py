"""How a network is trained, as numbers."""

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from canon.training.optimizers import OptimizerConfig
from canon.training.schedules import Constant, Schedule

Normalization = Literal["standard", "mean", "lenet5"]

Images = TypeVar("Images")


@dataclass(frozen=True)
class Recipe(Generic[Images]):
    """Everything that is decided about a training run but the network and the data.

    Args:
        name: `paper` or `modern`.
        source: where the numbers come from.
        optimizer: with its momentum and other constants.
        lr: base learning rate: the peak, if the schedule has warm-up.
        batch: images per step, over all devices.
        epochs: number of training epochs.
        images: what a task does with its images: augmentation, loss, test protocol.
        decay: weight decay; AdamW's is decoupled.
        decay_norms: decay biases and normalisation as well, as the papers' implementations did.
        schedule: of the learning rate.
        average: decay per step of the moving average of the weights; 0 uses the last weights.
        clip: largest norm of the gradient; 0 does not clip.
        filters: largest root mean square of a convolution's filter, to which a larger one is scaled
            after each step; 0 does not scale.
        normalization: `standard` to zero mean and unit deviation of each channel, `mean` subtracts
            the mean and keeps the scale of 0 to 255, `lenet5` maps black to -0.1 and white to
            1.175.
        val: fraction held out for validation if the data has no validation split.
    """

    name: Literal["paper", "modern"]
    source: str
    optimizer: OptimizerConfig
    lr: float
    batch: int
    epochs: int
    images: Images
    decay: float = 0.0
    decay_norms: bool = False
    schedule: Schedule = field(default_factory=Constant)
    average: float = 0.0
    clip: float = 0.0
    filters: float = 0.0
    normalization: Normalization = "standard"
    val: float = 0.1


@dataclass(frozen=True)
class Limits:
    """When a run ends, how batches are divided, and when the state is saved.

    Args:
        epochs: passes over the training images.
        minutes: of this session, after which to evaluate and stop; None for no limit.
        patience: epochs without improvement after which to stop; 0 never stops early.
        accumulate: parts of each batch, to save memory.
        save_every: seconds between saves within an epoch.
    """

    epochs: int
    minutes: float | None = None
    patience: int = 0
    accumulate: int = 1
    save_every: float = 600.0
