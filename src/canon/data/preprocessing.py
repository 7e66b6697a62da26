"""From an image file to a network's input."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from canon.data.images.conversion import to_bits, to_channels
from canon.data.images.picture import in_turn
from canon.data.images.reader import read_image
from canon.data.types import Pixels
from canon.errors import DataError
from canon.types import Images, RawImages

WHITE = 65535  # of 16 bits


@dataclass(frozen=True)
class Preprocessing:
    """From a file to a network's input; a run remembers it.

    Args:
        image: side of the network's input in pixels; its height, if it is not square.
        channels: 1 or 3.
        bits: 8 or 16, of the stored images.
        border: pixels of the input on each side that repeat the edge (LeNet-5: 28 becomes 32).
        crop: side of the evaluated centre as a fraction of the shorter side of the image.
        mean: of each channel, as a fraction of white.
        std: of each channel, as a fraction of white.
        width: of the input in pixels, if it is not square, as training crops of masks may be.
        downscale: images and masks of segmentation are reduced by this whole factor.
    """

    image: int
    channels: int
    bits: int = 8
    border: int = 0
    crop: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    width: int | None = None
    downscale: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        return self.image, self.width or self.image

    @property
    def inner(self) -> int:
        """Side of the input without its border, in pixels."""
        return self.image - 2 * self.border

    @property
    def stored(self) -> int:
        """Side of the stored square, from which `inner` is cropped, in pixels."""
        return round(self.inner / self.crop)

    @property
    def white(self) -> int:
        """The largest value of a stored pixel."""
        return 2**self.bits - 1

    def convert(self, pixels: Pixels, name: str = "the image") -> Pixels:
        """An image (H, W, C) with the channels and bits of this preprocessing.

        Raises:
            DataError: it has more bits; the message names it.
        """
        try:
            return to_bits(to_channels(pixels, self.channels), self.bits)
        except DataError as reason:
            raise DataError(f"{name}: {reason}") from None

    def fit(self, pixels: Pixels, name: str = "the image") -> Pixels:
        """An image (H, W, C) as a stored square: shorter side scaled, centre cropped.

        Raises:
            DataError: it has more bits than are stored; the message names it.
        """
        grey = pixels.shape[2] == 1  # and is repeated afterwards, for the memory of large images
        converted = (replace(self, channels=1) if grey else self).convert(pixels, name)
        return to_channels(center_square(converted[None], self.stored)[0], self.channels)

    def read(self, file: Path) -> Pixels:
        """A file as a stored square.

        A JPEG of four times the side or more is decoded at 1/2, 1/4 or 1/8 of its size, if that is
        a whole number of pixels: at least twice the side is left, which is reduced as usual.

        Raises:
            DataError: it cannot be read, or has more bits than are stored.
        """
        with in_turn(file):
            return self.fit(read_image(file, least=2 * self.stored), str(file))

    def normalize(self, raw: RawImages) -> Images:
        """Stored pixels, (N, H, W, C) and already cropped, as a network's input, channels last."""
        mean, std = self.levels(raw.device)
        x = ((raw - mean) / std).permute(0, 3, 1, 2)
        if self.border:
            x = F.pad(x, (self.border,) * 4, mode="replicate")
        return x.contiguous(memory_format=torch.channels_last)

    def levels(self, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
        """Mean and std of each channel in levels of stored pixels, (C,) or (1,)."""
        mean, std = (torch.tensor(v, device=device) * self.white for v in (self.mean, self.std))
        return mean, std

    def center(self, raw: RawImages) -> RawImages:
        """The part of stored squares that is evaluated."""
        start = (raw.shape[1] - self.inner) // 2
        middle = slice(start, start + self.inner)
        return raw[:, middle, middle]

    def evaluation(self, raw: RawImages) -> Images:
        """Stored squares as a network's input: the centre, normalised."""
        return self.normalize(self.center(raw))


def center_square(images: Pixels, side: int) -> Pixels:
    """Images (N, H, W, C) as squares: the shorter side scaled to `side`, the centre cropped."""
    images = resize(_without_ends(images, side), side)
    top, left = (images.shape[1] - side) // 2, (images.shape[2] - side) // 2
    return images[:, top : top + side, left : left + side]


def _without_ends(images: Pixels, side: int) -> Pixels:
    """Images (N, H, W, C) that are not much longer than wide, around the same centre.

    A line of a few pixels, enlarged whole, would fill the memory.
    """
    height, width = images.shape[1:3]
    short = min(height, width)
    if max(height, width) <= 4 * short:
        return images
    kept = 3 * short + 2 * (short // side + 2)  # the centre, and what its edge is averaged from
    top, left = max(0, height - kept) // 2, max(0, width - kept) // 2
    return images[:, top : height - top, left : width - left]


def resize(images: Pixels, side: int) -> Pixels:
    """Images (N, H, W, C) with their shorter side scaled to `side`, the other in proportion.

    Scaling is bilinear and, downwards, antialiased. Images of 8 bits are reduced in whole numbers,
    as in Pillow; the results are those of floating-point numbers to one level.
    """
    height, width = images.shape[1:3]
    scale = side / min(height, width)
    size = (max(side, round(height * scale)), max(side, round(width * scale)))
    if size == (height, width):
        return images
    if images.dtype == np.uint8 and size[0] < height:
        whole = tensor_of(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        return _interpolated(whole, size).permute(0, 2, 3, 1).numpy()
    resized = np.empty((len(images), *size, images.shape[3]), images.dtype)
    for channel in range(images.shape[3]):  # one by one, for the memory of large images
        x = torch.from_numpy(images[..., channel].astype(np.float32))[:, None]
        resized[..., channel] = _interpolated(x, size).round_().clamp_(0, WHITE)[:, 0]
    return resized


def _interpolated(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)


def tensor_of(pixels: Pixels) -> Tensor:
    """Stored pixels as a tensor of a type that torch computes with."""
    if pixels.dtype != np.uint8:
        return torch.from_numpy(pixels.astype(np.int32))
    return torch.from_numpy(np.require(pixels, requirements="W"))  # a copy where it must be
