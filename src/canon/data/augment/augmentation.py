"""Augment whole batches on their device: crop, pad, flip, shift colours.

All randomness comes from the generator that is passed in, one draw per batch.
"""

from dataclasses import dataclass
from math import radians
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from canon.data.augment.draws import Draws
from canon.data.augment.inception_crops import require_kornia
from canon.data.packs.base import every_nth
from canon.data.preprocessing import Preprocessing
from canon.types import Images, RawImages


@dataclass(frozen=True)
class Augmentation:
    """The augmentation of training images.

    Args:
        pad: pixels added around the stored square before cropping.
        fill: of the padding: the training mean (ResNet), the nearest edge pixel, or the reflected
            image without its edge (Wide ResNet).
        crop: random crop; otherwise the centre crop.
        flip: horizontal flip with probability 1/2.
        color: standard deviation of AlexNet's shift along the principal colours; 0 disables it.
        scale: range of the image's shorter side before a crop, in sides of the input; the scale
            jitter of VGG and ResNet. None does not scale.
        rotate: largest rotation in degrees, in either direction.
        upright: images have a natural orientation. Otherwise, as under a microscope, `flip` draws
            one of the eight flips and quarter turns.
        area: range of the area of Inception's crops, as a fraction of the image. Needs kornia.
        distort: largest relative change of brightness, contrast and saturation (Inception). Needs
            kornia.
    """

    pad: int = 0
    fill: Literal["mean", "edge", "reflect"] = "edge"
    crop: bool = True
    flip: bool = True
    color: float = 0.0
    scale: tuple[float, float] | None = None
    rotate: float = 0.0
    upright: bool = True
    area: tuple[float, float] | None = None
    distort: float = 0.0

    @property
    def random(self) -> bool:
        """Whether the result depends on the seed."""
        return self.crop or self.flip or self.rotate > 0 or self.color > 0 or self.distort > 0

    def __str__(self) -> str:
        low, high = self.scale or (1.0, 1.0)
        parts = {
            "crops of {:.0%} to {:.0%} of the area".format(*self.area or (0, 0)): self.area,
            f"crops at {low:.3g} to {high:.3g} times the input's side": self.scale,
            f"crops after padding by {self.pad} pixels ({self.fill})": self.crop and self.pad,
            "crops": self.crop and not (self.pad or self.area or self.scale),
            "horizontal flips": self.flip and self.upright,
            "flips and quarter turns": self.flip and not self.upright,
            f"rotations up to {self.rotate:g} degrees": self.rotate,
            f"shifts of colour by {self.color:g} principal components": self.color,
            f"brightness, contrast and saturation changed by up to {self.distort:.0%}": (
                self.distort
            ),
        }
        return ", ".join(part for part, present in parts.items() if present) or "none"

    def require_extras(self) -> None:
        """Refuse an augmentation that needs kornia if it is not installed.

        Raises:
            InputError: kornia is missing.
        """
        if self.area is not None or self.distort:
            require_kornia()


def pad_images(
    images: RawImages, augmentation: Augmentation, preprocessing: Preprocessing
) -> RawImages:
    """Pad stored squares with the mean colour, their edge, or their reflection."""
    pad, side = augmentation.pad, images.shape[1]
    if pad == 0:
        return images
    source = torch.arange(-pad, side + pad, device=images.device)
    if augmentation.fill == "reflect":
        period = max(1, 2 * (side - 1))
        source = source.remainder(period)
        source = torch.minimum(source, period - source)
    source = source.clamp(0, side - 1)
    padded = images[:, source][:, :, source]
    if augmentation.fill == "mean":
        mean = torch.tensor(preprocessing.mean, device=images.device) * preprocessing.white
        color = mean.round().to(images.dtype)
        for rows in (slice(0, pad), slice(side + pad, None)):
            padded[:, rows] = color
            padded[:, :, rows] = color
    return padded


def random_crop(images: RawImages, index: Tensor, side: int, draw: Draws) -> RawImages:
    """A random crop of each selected image, (N, side, side, C)."""
    room = images.shape[1] - side + 1
    corner = draw.integers(room, 2, len(index), samples=1).to(images.device)
    windows = images.unfold(1, side, 1).unfold(2, side, 1)  # a view: N, y, x, C, side, side
    return windows[index, corner[0], corner[1]].permute(0, 2, 3, 1)


def random_affine_crop(
    images: RawImages,
    index: Tensor,
    side: int,
    scale: tuple[float, float],
    rotate: float,
    draw: Draws,
) -> RawImages:
    """A random crop of each selected image after a random scaling and rotation.

    The scaled side S of the stored square is uniform over `scale`, the crop uniform over the image.
    Scaling to S and cropping `side` pixels is the same as cropping a fraction side/S of the square
    and scaling the crop, which is what this does. No crop is larger than the square.

    Args:
        images: stored squares, (N, S, S, C).
        index: of the selected images.
        side: of the scaled crop in pixels.
        scale: range of S, in units of `side`.
        rotate: largest rotation of the crop about its centre, in degrees.
        draw: the random numbers.

    Shape: (N, S, S, C) -> (len(index), side, side, C) float32
    """
    if not len(index):  # of a process without samples in the last batch
        return images.new_zeros((0, side, side, images.shape[3]), dtype=torch.float32)
    low, high = scale
    uniform = draw.uniform(3, len(index), samples=1).to(images.device)
    share = (1 / (low + (high - low) * uniform[0])).clamp_max(1)  # fraction of the square's side
    corner = (1 - share) * uniform[1:]
    # Coordinates of affine_grid: -1 and 1 are the outer edges of the square.
    centers = 2 * corner + share - 1  # y, x
    theta = torch.zeros(len(index), 2, 3, device=images.device)
    angle = torch.zeros(len(index), device=images.device)
    if rotate:
        uniform = draw.uniform(len(index)).to(images.device)
        angle = radians(rotate) * (2 * uniform - 1)
    theta[:, 0, 0] = theta[:, 1, 1] = share * angle.cos()
    theta[:, 0, 1], theta[:, 1, 0] = -share * angle.sin(), share * angle.sin()
    theta[:, 0, 2], theta[:, 1, 2] = centers[1], centers[0]
    x = images[index].permute(0, 3, 1, 2).float()
    grid = F.affine_grid(theta, [len(index), x.shape[1], side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False).permute(0, 2, 3, 1)


def random_flip(x: Images, draw: Draws, *, upright: bool = True) -> Images:
    """Flip each image horizontally with probability 1/2.

    Args:
        x: the images.
        draw: the random numbers.
        upright: whether images keep their orientation; otherwise they are flipped vertically and
            transposed as well, each with probability 1/2.
    """

    def coin() -> Tensor:
        return draw.integers(2, len(x), 1, 1, 1).bool().to(x.device)

    x = torch.where(coin(), x.flip(3), x)
    if upright:
        return x
    x = torch.where(coin(), x.flip(2), x)
    return torch.where(coin(), x.transpose(2, 3), x)


def principal_colors(images: RawImages, preprocessing: Preprocessing) -> Tensor:
    """Principal colours, each as long as its variance, in normalised units.

    Krizhevsky et al. 2012, section 4.1, adds [p_1 p_2 p_3] [a_1 l_1, a_2 l_2, a_3 l_3] to every
    pixel, p_i and l_i eigenvectors and eigenvalues of the covariance of RGB. Here pixels are
    fractions of white, as in fb.resnet.torch; in values up to 255 the shifts would leave the range.

    Shape: (N, H, W, C) -> (C, C)
    """
    channels = preprocessing.channels
    x = every_nth(images).reshape(-1, channels).float() / preprocessing.white
    variances, directions = torch.linalg.eigh(torch.cov(x.T).reshape(channels, channels))
    std = torch.tensor(preprocessing.std, device=x.device)
    return directions * variances.clamp_min(0) / std[:, None]


def shift_colors(x: Images, colors: Tensor, std: float, draw: Draws) -> Images:
    """Shift each image along each principal colour by a multiple drawn from N(0, std^2)."""
    amount = draw.normal(len(x), colors.shape[1]).to(x.device) * std
    return x + (amount @ colors.T)[:, :, None, None]
