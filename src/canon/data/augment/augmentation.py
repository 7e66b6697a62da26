"""Augmentation of whole batches on their device: crop, pad, flip, color.

Everything random comes from the generator that is passed in, one draw a batch.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from canon.data.augment.inception_crops import require_kornia
from canon.data.packs.base import every_nth
from canon.data.preprocessing import Preprocessing
from canon.types import Images, RawImages


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images.

    Args:
        pad: pixels added around the stored square before cropping.
        fill: what they hold: the training mean, as in ResNet, the nearest edge, or the image
            reflected there without repeating its edge, as in Wide ResNet.
        crop: crop at random; otherwise the centre.
        flip: mirror half of the images, left to right.
        colour: standard deviation of AlexNet's shift along the principal colours; 0 leaves it out.
        scale: shortest and longest shorter side of the image before a crop, in sides of the input;
            VGG's and ResNet's jitter. None crops from the stored square as it is.
        area: Inception's patch: smallest and largest fraction of the area. Needs kornia.
        distort: Inception's largest change of brightness, contrast and saturation. Needs kornia.
    """

    pad: int = 0
    fill: Literal["mean", "edge", "reflect"] = "edge"
    crop: bool = True
    flip: bool = True
    colour: float = 0.0
    scale: tuple[float, float] | None = None
    area: tuple[float, float] | None = None
    distort: float = 0.0

    @property
    def random(self) -> bool:
        """Whether it depends on a seed."""
        return self.crop or self.flip or self.colour > 0 or self.distort > 0

    def installed(self) -> "Augmentation":
        """The same, if what it needs is installed.

        Raises:
            InputError: a part of it is kornia's, and kornia is missing.
        """
        if self.area is not None or self.distort:
            require_kornia()
        return self


def pad_images(images: RawImages, change: Augmentation, how: Preprocessing) -> RawImages:
    """Stored squares with a frame of the mean colour, of their edge, or of their reflection."""
    pad, side = change.pad, images.shape[1]
    if pad == 0:
        return images
    inside = torch.arange(-pad, side + pad, device=images.device)
    if change.fill == "reflect":
        period = max(1, 2 * (side - 1))  # there and back
        inside = inside.remainder(period)
        inside = torch.minimum(inside, period - inside)
    inside = inside.clamp(0, side - 1)
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


def random_scale_crop(
    images: RawImages, index: Tensor, side: int, scale: tuple[float, float], draw: Generator
) -> RawImages:
    """A window of each chosen image as if the image had been scaled by a draw of its own.

    The shorter side S is uniform over `scale`, the place over all that hold the window. Cropping
    `side` pixels from an image whose stored square is scaled to S is taking a window of the square,
    a fraction side/S of it, and scaling that. No window is larger than the square.

    Args:
        images: stored squares, (N, S, S, C).
        index: positions of the chosen ones.
        side: of the window when it is scaled, in pixels.
        scale: smallest and largest S, in units of `side`.
        draw: the source of randomness.

    Shape: (N, S, S, C) -> (len(index), side, side, C) float32
    """
    low, high = scale
    chance = torch.rand(3, len(index), generator=draw).to(images.device)
    share = (1 / (low + (high - low) * chance[0])).clamp_max(1)  # of the square's side
    corner = (1 - share) * chance[1:]
    # Coordinates of affine_grid: -1 and 1 are the outer edges of the square.
    centres = 2 * corner + share - 1  # y, x
    theta = torch.zeros(len(index), 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = share
    theta[:, 0, 2], theta[:, 1, 2] = centres[1], centres[0]
    x = images[index].permute(0, 3, 1, 2).float()
    grid = F.affine_grid(theta, [len(index), x.shape[1], side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False).permute(0, 2, 3, 1)


def random_flip(x: Images, draw: Generator) -> Images:
    """Each image mirrored left to right, or not, with equal chance."""
    coin = torch.randint(2, (len(x), 1, 1, 1), generator=draw, dtype=torch.bool).to(x.device)
    return torch.where(coin, x.flip(3), x)


def principal_colors(images: RawImages, how: Preprocessing) -> Tensor:
    """Principal directions of colour, each as long as its standard deviation, in normalised units.

    Krizhevsky et al. 2012, section 4.1, adds [p_1 p_2 p_3] [a_1 l_1, a_2 l_2, a_3 l_3] to every
    pixel, p_i and l_i eigenvectors and eigenvalues of the covariance of RGB. Here l_i is the square
    root: the variance itself, for pixels up to 255, would shift images out of their range.

    Shape: (N, H, W, C) -> (C, C)
    """
    x = how.normalise(every_nth(images)).permute(0, 2, 3, 1).reshape(-1, how.channels)
    variances, directions = torch.linalg.eigh(torch.cov(x.T).reshape(how.channels, how.channels))
    return directions * variances.clamp_min(0).sqrt()


def shift_colors(x: Images, colours: Tensor, std: float, draw: Generator) -> Images:
    """Each image shifted along the principal colours by N(0, std^2) of them."""
    amount = torch.randn(len(x), colours.shape[1], generator=draw).to(x.device) * std
    return x + (amount @ colours.T)[:, :, None, None]
