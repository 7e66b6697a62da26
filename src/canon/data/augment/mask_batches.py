"""Training crops of images and masks under a common deformation."""

from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from canon.data.augment.deformation import (
    AffineMaps,
    Deformation,
    max_reach,
    sample_bilinear,
    sample_nearest,
)
from canon.data.augment.draws import Draws, Part
from canon.data.images.region import reflect_indices
from canon.data.packs.masks import MaskPack
from canon.data.preprocessing import Preprocessing, tensor_of
from canon.errors import InputError
from canon.types import Images


class PixelTarget(NamedTuple):
    """The ground truth of each pixel, and its weight in the loss."""

    classes: Annotated[Tensor, "(B, h, w) int64, 255 is ignored"]
    weight: Annotated[Tensor, "(B, h, w) float32"] | None = None


class MaskBatches:
    """Training crops of a pack of images and masks.

    For networks of valid convolutions, the target is the centre of the input, without `margin`
    pixels on each side. It lies inside its image if that is large enough. Inputs that extend past
    the image are reflect-padded.

    Args:
        pack: the images and masks.
        preprocessing: with the size of the input.
        deformation: of the crops; None takes the centre crop.
        margin: pixels that valid convolutions remove on each side of the input.
        weights: of the pixels of each image in the loss, (H, W) float32.
        repeats: crops of each image per epoch: one number for all images, or one each.
        device: of the batches.

    Raises:
        InputError: the margins leave no target, or the weights do not match the images.
    """

    def __init__(
        self,
        pack: MaskPack,
        preprocessing: Preprocessing,
        deformation: Deformation | None,
        *,
        margin: int = 0,
        weights: Sequence[Tensor] | None = None,
        repeats: Sequence[int] | int = 1,
        device: torch.device,
    ) -> None:
        expected = (0, pack.channels, pack.white)
        assert (preprocessing.border, preprocessing.channels, preprocessing.white) == expected
        if not 0 <= 2 * margin < min(preprocessing.size):
            raise InputError(
                f"the input is {min(preprocessing.size)} pixels, and the network removes {margin} "
                f"on each side; expected {2 * margin + 1} or more. Pass a larger --image."
            )
        if weights is not None and tuple(tuple(w.shape) for w in weights) != pack.sizes:
            raise InputError(
                "the weights do not have the sizes of the images; expected an (H, W) tensor per "
                "image. Compute them from the masks of the pack."
            )
        self.pack, self.preprocessing = pack, preprocessing
        self.deformation = deformation or Deformation(flip=False, crop=False)
        self.margin, self.device = margin, device
        images = torch.arange(len(pack))
        same = isinstance(repeats, int)
        self.order = (
            images.repeat(repeats) if same else images.repeat_interleave(torch.tensor(repeats))
        )
        self.weights = (
            None if weights is None else [w.float().cpu().numpy()[..., None] for w in weights]
        )

    def __len__(self) -> int:
        return len(self.order)

    @property
    def random(self) -> bool:
        """Whether training batches depend on their seed."""
        return self.deformation.random

    def training(
        self, index: Tensor, seed: int, part: Part | None = None
    ) -> tuple[Images, PixelTarget]:
        """The samples at these positions, deformed with the seed of their batch."""
        draw, size = Draws(seed, part), self.preprocessing.size
        if not len(index):  # a share of a batch that is smaller than the number of processes
            return self._nothing(*size)
        images = self.order[index].tolist()
        maps = self.deformation.affine_maps(len(images), draw)
        points = self.deformation.control_points(len(images), draw)
        centers = self._centers(images, maps, draw)
        reach = max_reach(size, maps, points)
        corners = (centers - reach).floor()
        window = partial(self._windows, corners=corners.long().tolist(), side=ceil(2 * reach) + 2)
        on_device = (tensor.to(self.device) for tensor in (maps, centers - corners, points))
        positions = self.deformation.positions(size, *on_device)
        rows, columns = (slice(self.margin, n - self.margin) for n in size)
        inner = positions[:, rows, columns]
        sample = sample_bilinear if self.deformation.interpolates else sample_nearest
        x = sample(window([self.pack.image(i) for i in images]), positions)
        classes = sample_nearest(window([self.pack.mask(i) for i in images]), inner).long()
        weight = None
        if self.weights is not None:
            weight = sample(window([self.weights[i] for i in images]), inner)[..., 0]
        return self.preprocessing.normalize(x), PixelTarget(classes, weight)

    def _nothing(self, height: int, width: int) -> tuple[Images, PixelTarget]:
        target = height - 2 * self.margin, width - 2 * self.margin
        x = torch.zeros(0, height, width, self.pack.channels, device=self.device)
        classes = torch.zeros(0, *target, dtype=torch.long, device=self.device)
        weight = None if self.weights is None else classes.float()
        return self.preprocessing.normalize(x), PixelTarget(classes, weight)

    def _windows(self, arrays: Sequence[NDArray[Any]], corners: list[Any], side: int) -> Tensor:
        windows = crop_reflected(arrays, corners, side)
        pixels = windows.dtype.kind == "u"
        return (tensor_of(windows) if pixels else torch.from_numpy(windows)).to(self.device)

    def _centers(self, images: list[int], maps: AffineMaps, draw: Draws) -> Tensor:
        """Rows and columns of the crops' centres, (B, 2) in pixels of their images."""
        height, width = self.preprocessing.size
        extent = maps.abs().sum(-1) * (height - 2 * self.margin)  # of the targets
        extent += maps[..., 1].abs() * (width - height)
        room = torch.tensor([self.pack.sizes[i] for i in images]) - extent
        exact = not self.deformation.interpolates
        if self.deformation.crop:
            uniform, span = draw.uniform(*room.shape), room.abs()
            offset = (uniform * (span + 1)).floor().minimum(span) if exact else uniform * span
            corner = room.clamp_max(0) + offset
        else:
            corner = (room / 2).floor() if exact else room / 2
        return corner + (extent - 1) / 2


def crop_reflected(
    arrays: Sequence[NDArray[Any]], corners: Sequence[Sequence[int]], side: int
) -> NDArray[Any]:
    """Square crops of images, reflect-padded past the border.

    Args:
        arrays: the images, (H, W) or (H, W, C).
        corners: row and column of each square's first pixel.
        side: of the squares in pixels.

    Shape: B of (H, W, ...) -> (B, side, side, ...)
    """
    squares = []
    for array, (top, left) in zip(arrays, corners, strict=True):
        rows = reflect_indices(top, top + side, array.shape[0])
        columns = reflect_indices(left, left + side, array.shape[1])
        first, last = columns.min(), columns.max()
        band = array[:, first : last + 1][rows]  # copying whole rows first is fastest
        squares.append(band[:, columns - first])
    return np.stack(squares)
