"""How a network is trained, as numbers."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from canon.data.augment.augmentation import Augmentation
from canon.data.augment.deformation import Deformation

OptimizerName = Literal["sgd", "nesterov", "adamw", "rmsprop", "levenberg"]
ScheduleName = Literal["constant", "step", "exponential", "cosine", "plateau"]
Normalisation = Literal["standard", "mean", "lenet5"]
Weighting = Literal["none", "median"]
EvalProtocol = Literal["1-crop", "10-crop", "multi-crop", "dense"]
PROTOCOLS: tuple[str, ...] = get_args(EvalProtocol)


@dataclass(frozen=True)
class Recipe:
    """Everything that is decided about a training run but the network and the data.

    Args:
        name: `paper` or `modern`.
        source: where the numbers come from.
        optimizer: `sgd` and `nesterov` have momentum; `levenberg` is the 1998 diagonal method.
        lr: initial learning rate.
        batch: images a step, over all devices.
        epochs: passes over the training images.
        momentum: of the two kinds of SGD, and of RMSProp.
        alpha: RMSProp's share of the old mean square in the new.
        eps: what RMSProp adds to the root of the mean square.
        decay: weight decay; AdamW's is decoupled.
        decay_norms: decay biases and normalisation as well, as the papers' implementations did.
        schedule: of the learning rate.
        steps: for `step`: from this fraction of the run on, the learning rate times this factor.
        factor: for `exponential`: what the learning rate is multiplied by.
        every: for `exponential`: after how many epochs.
        warmup: epochs of linear increase before a `cosine`, a fifth of the run at most.
        average: decay of the moving average of the weights a step; 0 uses the last weights.
        smoothing: label smoothing, in [0, 1).
        clip: largest norm of the gradient; 0 leaves it alone.
        filters: largest root mean square of a convolution's filter, to which a larger one is scaled
            after each step; 0 leaves them alone.
        augmentation: of the training images.
        normalization: `standard` to zero mean and unit deviation of each channel, `mean` subtracts
            it and leaves 0 to 255, `lenet5` maps black to -0.1 and white to 1.175.
        image: side of the input in pixels, where the recipe fixes it.
        border: pixels of the input that repeat the edge.
        crop: the evaluated centre, as a fraction of the shorter side of a photo.
        val: fraction held back for validation when the data has no validation split.
        protocol: how the paper tests one network.
        scales: of dense testing: shorter sides of the image, in sides of the input.
        deformation: of the training images and their masks, where each pixel has a class.
        class_weights: of classes in that case: `median` frequency over each class's own, or none.
        border_weight: what the pixels between two cells weigh more: U-Net's w0; 0 leaves it out.
        dice_weight: share of Dice's loss that is added to cross-entropy.
    """

    name: Literal["paper", "modern"]
    source: str
    optimizer: OptimizerName
    lr: float
    batch: int
    epochs: int
    momentum: float = 0.9
    alpha: float = 0.9
    eps: float = 1.0
    decay: float = 0.0
    decay_norms: bool = False
    schedule: ScheduleName = "constant"
    steps: tuple[tuple[float, float], ...] = ()
    factor: float = 1.0
    every: float = 1.0
    warmup: float = 0.0
    average: float = 0.0
    smoothing: float = 0.0
    clip: float = 0.0
    filters: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    normalization: Normalisation = "standard"
    image: int | None = None
    border: int = 0
    crop: float = 0.875
    val: float = 0.1
    protocol: EvalProtocol = "1-crop"
    scales: tuple[float, ...] = (1.0, 8 / 7, 9 / 7)  # VGG's 224, 256, 288 for one scale of training
    deformation: Deformation = field(default_factory=Deformation)
    class_weights: Weighting = "none"
    border_weight: float = 0.0
    dice_weight: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What ends a run, and how it is cut into pieces.

    Args:
        epochs: passes over the training images.
        minutes: of this sitting, after which to evaluate and stop; None for no limit.
        patience: epochs without a better monitored top-1 after which to stop; 0 never does.
        accumulate: pieces that a batch is cut into, to save memory.
        save_every: seconds between saves within an epoch.
    """

    epochs: int
    minutes: float | None = None
    patience: int = 0
    accumulate: int = 1
    save_every: float = 600.0
