"""How a network is trained, as numbers."""

from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from canon.training.optimizers import OptimizerConfig
from canon.training.schedules import Constant, Schedule
from canon.utils.tables import counted


class InWords(Protocol):
    """The part of a recipe that belongs to a task."""

    def in_words(self) -> dict[str, str]:
        """Its fields in words, by their names."""


Normalization = Literal["standard", "mean", "lenet5", "none"]

Images = TypeVar("Images", bound=InWords)


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
        decay_norms: decay biases and the scales and shifts of normalisation as well.
        schedule: of the learning rate.
        average: decay per step of the moving average of the weights; 0 uses the last weights.
        clip: largest norm of the gradient; 0 does not clip.
        filters: largest root mean square of a convolution's filter, to which a larger one is scaled
            after each step; 0 does not scale.
        normalization: `standard` to zero mean and unit deviation of each channel, `mean` subtracts
            the mean and keeps the scale of 0 to 255, `lenet5` maps black to -0.1 and white to
            1.175, `none` maps black to 0 and white to 1.
        val: fraction held out for validation if the data has no validation split.
        unprinted: fields of a paper's recipe whose value the paper does not print, such as `lr`,
            `images.augmentation`, or `average`; the comment above the recipe says where each is
            from.
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
    unprinted: tuple[str, ...] = ()

    def in_words(self) -> tuple[str, str]:
        """Training, and what happens to images; a star is behind what the paper does not print."""
        training = {
            "optimizer": str(self.optimizer), "lr": f"lr {self.lr:g}",
            "batch": f"batch {self.batch}", "epochs": counted(self.epochs, "epoch"),
            "schedule": f"schedule {self.schedule}",
            "decay": f"decay {self.decay:g}" + " of all parameters" * self.decay_norms,
            "average": f"weights averaged, decay {self.average:g}" if self.average else "",
            "clip": f"gradient clipped at {self.clip:g}" if self.clip else "",
            "filters": f"filters scaled to {self.filters:g}" if self.filters else "",
        }  # fmt: skip
        images = self.images.in_words() | {"normalization": f"normalization {self.normalization}"}
        return self._starred(training), self._starred(images)

    def _starred(self, words: dict[str, str]) -> str:
        return ", ".join(
            text + "*" * (name in self.unprinted) for name, text in words.items() if text
        )


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
