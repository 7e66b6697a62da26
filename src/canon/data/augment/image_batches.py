"""Training batches of augmented images, and evaluation batches of centre crops."""

from torch import Tensor

from canon.data.augment.augmentation import (
    Augmentation,
    pad_images,
    principal_colors,
    random_affine_crop,
    random_crop,
    random_flip,
    shift_colors,
)
from canon.data.augment.draws import Draws, Part
from canon.data.augment.inception_crops import inception_transform
from canon.data.packs.images import ImagePack
from canon.data.preprocessing import Preprocessing
from canon.types import Images, RawImages
from canon.utils.seeding import derive_seed


class ImageBatches:
    """Augmented training batches and plain evaluation batches of a pack.

    Args:
        pack: the images and labels, on the device of the batches.
        preprocessing: of the images.
        augmentation: of training batches; None for evaluation only.
    """

    def __init__(
        self,
        pack: ImagePack,
        preprocessing: Preprocessing,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.pack, self.preprocessing, self.augmentation = pack, preprocessing, augmentation
        self.colors = None
        if augmentation is not None:
            self.padded = pad_images(pack.images, augmentation, preprocessing)
            self.inception = inception_transform(
                preprocessing.inner, preprocessing.white, augmentation.area, augmentation.distort
            )
            if augmentation.color:
                self.colors = principal_colors(pack.images, preprocessing)

    def __len__(self) -> int:
        return len(self.pack)

    @property
    def random(self) -> bool:
        """Whether training batches depend on their seed."""
        return self.augmentation is not None and self.augmentation.random

    def evaluation(self, index: Tensor) -> tuple[Images, Tensor]:
        """The samples at these positions, preprocessed for evaluation."""
        index = index.to(self.pack.targets.device)
        return self.preprocessing.evaluation(self.pack.images[index]), self.pack.targets[index]

    def training(self, index: Tensor, seed: int, part: Part | None = None) -> tuple[Images, Tensor]:
        """The samples at these positions, augmented with the seed of their batch."""
        augmentation = self.augmentation
        assert augmentation is not None
        index = index.to(self.pack.targets.device)
        draw = Draws(seed, part)
        raw = self._cropped(index, draw)
        if self.inception is not None:
            raw = self.inception(raw, derive_seed(seed, 1), part)
        x = self.preprocessing.normalize(raw)
        if augmentation.flip:
            x = random_flip(x, draw, upright=augmentation.upright)
        if self.colors is not None:
            x = shift_colors(x, self.colors, augmentation.color, draw)
        return x, self.pack.targets[index]

    def _cropped(self, index: Tensor, draw: Draws) -> RawImages:
        """Crops of the samples; whole squares if kornia takes Inception's crops."""
        augmentation, side = self.augmentation, self.preprocessing.inner
        assert augmentation is not None
        if augmentation.area is not None:
            return self.padded[index]
        if not augmentation.crop:
            return self.preprocessing.center(self.padded[index])
        if augmentation.scale is not None or augmentation.rotate:
            whole = self.padded.shape[1] / side
            # The image is magnified, not its padding.
            unit = whole if augmentation.pad or augmentation.scale is None else 1
            low, high = augmentation.scale or (1, 1)
            scale = unit * low, unit * high
            return random_affine_crop(self.padded, index, side, scale, augmentation.rotate, draw)
        if self.padded.shape[1] > side:
            return random_crop(self.padded, index, side, draw)
        return self.padded[index]
