"""Pictures, their masks and their attributes in memory, and batches of them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from canon.data.augment.draws import Part
from canon.data.dataset import Split
from canon.data.images.collection import ArrayImages
from canon.data.packs.base import ChannelStatistics, channel_statistics, every_nth
from canon.data.targets.attributes import Attributes
from canon.data.types import Pixels
from canon.errors import DataError

Sample = tuple[Tensor, Tensor]  # attributes (n, A, 1, 1), and pictures with masks (n, 4, H, W)


@dataclass(frozen=True)
class PicturePack:
    """Pictures with masks and attributes.

    Args:
        pictures: (N, H, W, 4) uint8: red, green and blue on black, and the mask.
        attributes: (N, A) float32.
        names: of each picture.
    """

    pictures: Tensor
    attributes: Tensor
    names: tuple[str, ...] = ()

    channels = 3
    white = 255

    @classmethod
    def of(cls, split: Split) -> "PicturePack":
        """The pack of a split.

        Raises:
            DataError: pictures that are not in memory, or of other attributes.
        """
        images, targets = split.images, split.targets
        if not isinstance(images, ArrayImages) or not isinstance(targets, Attributes):
            raise DataError(
                "the pictures have no attributes in memory; expected the built-in dataset chairs. "
                "Pass chairs."
            )
        masks = torch.from_numpy(targets.masks)[..., None]
        pictures = torch.cat([torch.from_numpy(images.pixels), masks], 3)
        return cls(pictures, torch.from_numpy(targets.values), images.names)

    def __len__(self) -> int:
        return len(self.pictures)

    def image(self, i: int) -> Pixels:
        """Picture i, (H, W, 3) uint8."""
        return self.pictures[i, ..., :3].cpu().numpy()

    def to(self, device: torch.device) -> "PicturePack":
        """The pack on a device."""
        return replace(
            self, pictures=self.pictures.to(device), attributes=self.attributes.to(device)
        )

    def statistics(self) -> ChannelStatistics:
        """Mean and standard deviation of each colour, fractions of white."""
        pixels = every_nth(self.pictures[..., :3]).reshape(-1, 3)
        return channel_statistics(pixels, self.white)


class PictureBatches:
    """Attributes as inputs, and pictures as targets; nothing is random.

    Args:
        pack: on the device of the batches.
    """

    random = False

    def __init__(self, pack: PicturePack) -> None:
        self.pack = pack

    def __len__(self) -> int:
        return len(self.pack)

    def evaluation(self, index: Tensor) -> Sample:
        """The samples at these positions."""
        index = index.to(self.pack.attributes.device)
        pictures = self.pack.pictures[index].permute(0, 3, 1, 2).float() / 255
        return self.pack.attributes[index][:, :, None, None], pictures

    def training(self, index: Tensor, seed: int, part: Part | None = None) -> Sample:  # noqa: ARG002
        """The same."""
        return self.evaluation(index)
