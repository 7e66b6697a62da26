"""Changing whole batches at once, on their device: crop, pad and crop, flip, colour.

Everything random comes from the generator that is passed in, one draw a batch.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from canon.data.pack import Pack, Preprocessing, every_nth
from canon.types import Images, Labels, RawImages


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images.

    Args:
        pad: pixels added around the stored square before cropping.
        fill: what they hold: the training mean, as in the papers, or the nearest edge.
        crop: crop at random; otherwise the centre.
        flip: mirror half of the images, left to right.
        colour: standard deviation of AlexNet's shift along the principal colours; 0 leaves it out.
    """

    pad: int = 0
    fill: Literal["mean", "edge"] = "edge"
    crop: bool = True
    flip: bool = True
    colour: float = 0.0


class Batches:
    """A pack as augmented training batches and as plain evaluation batches.

    Args:
        pack: the images and labels, on the device where the batches are wanted.
        how: the preprocessing.
        augmentation: of training batches; None for a pack that is only evaluated.
    """

    def __init__(
        self, pack: Pack, how: Preprocessing, augmentation: Augmentation | None = None
    ) -> None:
        self.pack, self.how, self.augmentation = pack, how, augmentation
        self.colours = None
        if augmentation is not None:
            self.padded = padded(pack.images, augmentation, how)
            if augmentation.colour:
                self.colours = principal_colours(pack.images, how)

    def __len__(self) -> int:
        return len(self.pack)

    @property
    def random(self) -> bool:
        """Whether training batches depend on their seed."""
        change = self.augmentation
        return change is not None and (change.crop or change.flip or change.colour > 0)

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
        if change.crop and self.padded.shape[1] > self.how.inner:
            raw = random_crop(self.padded, index, self.how.inner, draw)
        else:
            raw = self.padded[index]
        x = self.how.normalise(raw) if change.crop else self.how.evaluation(raw)
        if change.flip:
            x = random_flip(x, draw)
        if self.colours is not None:
            x = shift_colour(x, self.colours, change.colour, draw)
        return x, self.pack.labels[index]


def padded(images: RawImages, change: Augmentation, how: Preprocessing) -> RawImages:
    """Stored squares with a frame of the mean colour or of their own edge."""
    pad, side = change.pad, images.shape[1]
    if pad == 0:
        return images
    inside = torch.arange(-pad, side + pad, device=images.device).clamp(0, side - 1)
    framed = images[:, inside][:, :, inside]
    if change.fill == "mean":
        colour = (torch.tensor(how.mean, device=images.device) * how.white).round().to(images.dtype)
        for rows in (slice(0, pad), slice(side + pad, None)):
            framed[:, rows] = colour
            framed[:, :, rows] = colour
    return framed


def random_crop(images: RawImages, index: Tensor, side: int, draw: Generator) -> RawImages:
    """A window of each chosen image, (N, side, side, C), at a position of its own."""
    room = images.shape[1] - side + 1
    corner = torch.randint(room, (2, len(index)), generator=draw).to(images.device)
    windows = images.unfold(1, side, 1).unfold(2, side, 1)  # a view: N, y, x, C, side, side
    return windows[index, corner[0], corner[1]].permute(0, 2, 3, 1)


def random_flip(x: Images, draw: Generator) -> Images:
    """Each image mirrored left to right, or not, with equal chance."""
    coin = torch.randint(2, (len(x), 1, 1, 1), generator=draw, dtype=torch.bool).to(x.device)
    return torch.where(coin, x.flip(3), x)


def principal_colours(images: RawImages, how: Preprocessing) -> Tensor:
    """Principal directions of colour, each as long as its standard deviation, in normalised units.

    Krizhevsky et al. 2012, section 4.1, adds [p_1 p_2 p_3] [a_1 l_1, a_2 l_2, a_3 l_3] to every
    pixel, p_i and l_i eigenvectors and eigenvalues of the covariance of RGB. Here l_i is the square
    root: the variance itself, for pixels up to 255, would shift images out of their range.

    Shape: (N, H, W, C) -> (C, C)
    """
    x = how.normalise(every_nth(images)).permute(0, 2, 3, 1).reshape(-1, how.channels)
    variances, directions = torch.linalg.eigh(torch.cov(x.T).reshape(how.channels, how.channels))
    return directions * variances.clamp_min(0).sqrt()


def shift_colour(x: Images, colours: Tensor, std: float, draw: Generator) -> Images:
    """Each image shifted along the principal colours by N(0, std^2) of them."""
    amount = torch.randn(len(x), colours.shape[1], generator=draw).to(x.device) * std
    return x + (amount @ colours.T)[:, :, None, None]
