"""What the recipe of a task decides about its images: augmentation, loss and test protocol."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self, get_args

from canon.data.augment.augmentation import Augmentation
from canon.data.augment.deformation import Deformation

ClassWeights = Literal["none", "median"]
EvalProtocol = Literal["1-crop", "10-crop", "multi-crop", "dense"]
PROTOCOLS: tuple[str, ...] = get_args(EvalProtocol)
Flip = Literal["auto", "on", "off"]


class ImagesRecipe(ABC):
    """What every task's part of a recipe can do."""

    @abstractmethod
    def flipped(self, flip: Flip, *, color: bool) -> Self:
        """The same with horizontal flips decided, for colour or grey images."""

    def require_extras(self) -> None:  # noqa: B027
        """Refuse a recipe whose packages are not installed.

        Raises:
            InputError: a package is missing; the message says how to install it.
        """


@dataclass(frozen=True)
class ClassificationRecipe(ImagesRecipe):
    """Images as crops of squares.

    Args:
        augmentation: of the training images.
        smoothing: label smoothing, in [0, 1).
        image: side of the input in pixels, if the recipe fixes it.
        border: pixels of the input that repeat the edge.
        crop: the evaluated centre, as a fraction of the shorter side of a photo.
        protocol: how the paper tests one network.
        scales: of dense testing: shorter sides of the image, in sides of the input.
    """

    kind: str = field(default="classification", init=False)
    augmentation: Augmentation = field(default_factory=Augmentation)
    smoothing: float = 0.0
    image: int | None = None
    border: int = 0
    crop: float = 0.875
    protocol: EvalProtocol = "1-crop"
    scales: tuple[float, ...] = (1.0, 8 / 7, 9 / 7)  # VGG's 224, 256, 288 for one scale of training

    def flipped(self, flip: Flip, *, color: bool) -> Self:
        """`auto` flips colour images, if the recipe does: digits and letters are grey."""
        choice = {"on": True, "off": False, "auto": self.augmentation.flip and color}
        return replace(self, augmentation=replace(self.augmentation, flip=choice[flip]))

    def require_extras(self) -> None:
        """Refuse Inception's crops and distortions without kornia.

        Raises:
            InputError: kornia is not installed.
        """
        self.augmentation.require_extras()


@dataclass(frozen=True)
class SegmentationRecipe(ImagesRecipe):
    """Crops of images and masks, deformed alike.

    Args:
        deformation: of the training images and their masks.
        class_weights: of the loss: `median` frequency over each class's own, or none.
        border_weight: U-Net's w0: additional weight of pixels between two cells; 0 omits it.
        dice_weight: weight of the Dice loss, added to the cross-entropy.
    """

    kind: str = field(default="segmentation", init=False)
    protocol: ClassVar[str] = "whole images"
    deformation: Deformation = field(default_factory=Deformation)
    class_weights: ClassWeights = "none"
    border_weight: float = 0.0
    dice_weight: float = 0.0

    def flipped(self, flip: Flip, *, color: bool) -> Self:  # noqa: ARG002
        """`auto` flips as the recipe does: a mask has no letters."""
        choice = {"on": True, "off": False, "auto": self.deformation.flip}
        return replace(self, deformation=replace(self.deformation, flip=choice[flip]))
