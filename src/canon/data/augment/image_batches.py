"""Training batches of augmented images, and evaluation batches of centre crops."""

from torch import Generator, Tensor

from canon.data.augment.augmentation import (
    Augmentation,
    pad_images,
    principal_colors,
    random_crop,
    random_flip,
    random_scale_crop,
    shift_colors,
)
from canon.data.augment.inception_crops import inception_transform
from canon.data.packs.images import ImagePack
from canon.data.preprocessing import Preprocessing
from canon.types import Images, Labels, RawImages
from canon.utils.seeding import derive_seed


class ImageBatches:
    """A pack as augmented training batches and as plain evaluation batches.

    Args:
        pack: the images and labels, on the device where the batches are wanted.
        how: the preprocessing.
        augmentation: of training batches; None for a pack that is only evaluated.
    """

    def __init__(
        self, pack: ImagePack, how: Preprocessing, augmentation: Augmentation | None = None
    ) -> None:
        self.pack, self.how, self.augmentation = pack, how, augmentation
        self.colours = None
        if augmentation is not None:
            self.padded = pad_images(pack.images, augmentation, how)
            self.inception = inception_transform(
                how.inner, how.white, augmentation.area, augmentation.distort
            )
            if augmentation.colour:
                self.colours = principal_colors(pack.images, how)

    def __len__(self) -> int:
        return len(self.pack)

    @property
    def random(self) -> bool:
        """Whether training batches depend on their seed."""
        return self.augmentation is not None and self.augmentation.random

    def evaluation(self, index: Tensor) -> tuple[Images, Labels]:
        """The samples at these positions as they are evaluated."""
        index = index.to(self.pack.labels.device)
        return self.how.evaluation(self.pack.images[index]), self.pack.labels[index]

    def training(self, index: Tensor, seed: int) -> tuple[Images, Labels]:
        """The samples at these positions, augmented as the seed says."""
        change = self.augmentation
        assert change is not None
        index = index.to(self.pack.labels.device)
        draw = Generator().manual_seed(seed)
        raw = self._cropped(index, draw)
        if self.inception is not None:
            raw = self.inception(raw, derive_seed(seed, 1))
        x = self.how.normalise(raw)
        if change.flip:
            x = random_flip(x, draw)
        if self.colours is not None:
            x = shift_colors(x, self.colours, change.colour, draw)
        return x, self.pack.labels[index]

    def _cropped(self, index: Tensor, draw: Generator) -> RawImages:
        """The crops of some samples; whole squares where Inception's patch is taken from them."""
        change, side = self.augmentation, self.how.inner
        assert change is not None
        if change.area is not None:
            return self.padded[index]
        if not change.crop:
            return self.how.centre(self.padded[index])
        if change.scale is not None:
            return random_scale_crop(self.padded, index, side, change.scale, draw)
        if self.padded.shape[1] > side:
            return random_crop(self.padded, index, side, draw)
        return self.padded[index]
