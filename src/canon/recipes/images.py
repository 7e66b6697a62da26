"""What the recipe of a task decides about its images: augmentation, loss and test protocol."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, get_args

from canon.data.augment.augmentation import Augmentation
from canon.data.augment.deformation import Deformation
from canon.options import Augment

ClassWeights = Literal["none", "median"]
EvalProtocol = Literal["1-crop", "square", "10-crop", "multi-crop", "dense"]
PROTOCOLS: tuple[str, ...] = get_args(EvalProtocol)
Flip = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class AugmentFlags:
    """How a user wants training images to be augmented.

    Args:
        augment: a level; `auto` is the recipe's, adapted to colour or grey images.
        flip: flip images or not; `auto` as the level.
        rotate: largest rotation in degrees; None as the level.
        zoom: largest magnification; None as the level.
    """

    augment: Augment = "auto"
    flip: Flip = "auto"
    rotate: float | None = None
    zoom: float | None = None

    def over(self, chosen: Any) -> Any:
        """A level's augmentation or deformation with the single flags."""
        single: dict[str, Any] = {} if self.flip == "auto" else {"flip": self.flip == "on"}
        if self.rotate is not None:
            single["rotate"] = self.rotate
        if self.zoom is not None:
            low = 1.0 if isinstance(chosen, Augmentation) else 1 / self.zoom
            off = self.zoom == 1 and isinstance(chosen, Augmentation)
            single["scale"] = None if off else (low, self.zoom)
        if isinstance(chosen, Augmentation) and (single.get("scale") or self.rotate):
            single |= {"crop": True, "area": None}  # they are parts of the crop
        return replace(chosen, **single)


class ImagesRecipe(ABC):
    """What every task's part of a recipe can do."""

    @abstractmethod
    def augmented(self, flags: AugmentFlags, *, color: bool) -> Self:
        """The same with the augmentation that the user or the kind of images asks for."""

    @abstractmethod
    def in_words(self) -> dict[str, str]:
        """The fields that are neither off nor empty, in words, by their names in a recipe."""

    def require_extras(self) -> None:  # noqa: B027
        """Refuse a recipe whose packages are not installed.

        Raises:
            InputError: a package is missing; the message says how to install it.
        """


# Photos are cropped from 39 % of their area to the whole of it.
PHOTO = Augmentation(scale=(1.0, 1.6), color=0.1)
LIGHT = Augmentation()
LEVELS = {
    "none": Augmentation(crop=False, flip=False),
    "light": LIGHT,
    "photo": PHOTO,
    "any-way-up": Augmentation(scale=(1.0, 1.3), upright=False),
}


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
        scales: of dense testing: shorter sides of the image, in sides of the input; the first is
            that of testing on the central square.
    """

    kind: str = field(default="classification", init=False)
    augmentation: Augmentation = field(default_factory=Augmentation)
    smoothing: float = 0.0
    image: int | None = None
    border: int = 0
    crop: float = 0.875
    protocol: EvalProtocol = "1-crop"
    scales: tuple[float, ...] = (1.0, 8 / 7, 9 / 7)  # VGG's 224, 256, 288 for one scale of training

    def augmented(self, flags: AugmentFlags, *, color: bool) -> Self:
        """`auto` does not flip grey images, which may be digits and letters, nor enlarge them."""
        chosen = self.augmentation
        if flags.augment != "auto":
            chosen = LEVELS[flags.augment]
            if flags.augment == "light":  # the shifts of the recipe, if it has some
                chosen = replace(chosen, pad=self.augmentation.pad, fill=self.augmentation.fill)
        elif chosen == PHOTO and not color:
            chosen = LIGHT
        if flags.augment in ("auto", "light") and not color:
            chosen = replace(chosen, flip=False)
        return replace(self, augmentation=flags.over(chosen))

    def in_words(self) -> dict[str, str]:
        """The fields that are neither off nor empty, in words, by their names in a recipe."""
        several = self.protocol in ("dense", "square")
        scales = ", ".join(f"{scale:.3g}" for scale in self.scales)
        return {
            "images.augmentation": f"augmentation: {self.augmentation}",
            "images.smoothing": f"label smoothing {self.smoothing:g}" if self.smoothing else "",
            "images.image": f"input of {self.image} pixels" if self.image else "",
            "images.border": f"with a border of {self.border}" if self.border else "",
            "images.crop": f"evaluated: {self.crop:.1%} of the shorter side",
            "images.protocol": f"test protocol {self.protocol}",
            "images.scales": f"at {scales} times the input's side" if several else "",
        }

    def require_extras(self) -> None:
        """Refuse Inception's crops and distortions without kornia.

        Raises:
            InputError: kornia is not installed.
        """
        self.augmentation.require_extras()


UPRIGHT = Deformation(scale=(0.75, 1.5), rotate=10.0)
ANY_WAY_UP = Deformation(upright=False, scale=(0.8, 1.25), rotate=45.0, elastic=8.0)
DEFORMATIONS = {
    "none": Deformation(flip=False, crop=False),
    "light": Deformation(),
    "photo": UPRIGHT,
    "any-way-up": ANY_WAY_UP,
}


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

    def augmented(self, flags: AugmentFlags, *, color: bool) -> Self:
        """`auto` keeps colour images upright, unless a paper's recipe turns them."""
        chosen = self.deformation
        if flags.augment != "auto":
            chosen = DEFORMATIONS[flags.augment]
        elif chosen == ANY_WAY_UP and color:
            chosen = UPRIGHT
        return replace(self, deformation=flags.over(chosen))

    def in_words(self) -> dict[str, str]:
        """The fields that are neither off nor empty, in words, by their names in a recipe."""
        weights = f"classes weighted by {self.class_weights} frequency"
        return {
            "images.augmentation": f"augmentation: {self.deformation}",
            "images.class_weights": weights if self.class_weights != "none" else "",
            "images.border_weight": (
                f"weight {self.border_weight:g} of borders" if self.border_weight else ""
            ),
            "images.dice_weight": (
                f"weight {self.dice_weight:g} of the Dice loss" if self.dice_weight else ""
            ),
            "images.protocol": f"test protocol: {self.protocol}",
        }
