"""Training crops of images and masks, moved by one deformation."""

from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from canon.data.augment.deformation import (
    AffineMaps,
    Deformation,
    max_reach,
    sample_bilinear,
    sample_nearest,
)
from canon.data.images.region import reflect_indices
from canon.data.packs.masks import MaskPack
from canon.data.preprocessing import Preprocessing, tensor_of
from canon.errors import InputError
from canon.types import Images


class PixelTarget(NamedTuple):
    """What a network is to say of each pixel, and how much each pixel weighs."""

    classes: Annotated[Tensor, "(B, h, w) int64, 255 counts for nothing"]
    weight: Annotated[Tensor, "(B, h, w) float32"] | None = None


class MaskBatches:
    """A pack of pairs as warped training crops.

    The target is the middle of the input, without `margin` pixels on each side, for networks of
    valid convolutions. It lies inside its image where that is large enough. What of the input is
    beyond the image is mirrored, without repeating the edge.

    Args:
        pack: the images and masks.
        how: the preprocessing; `image` is the side of the input.
        warping: what is done to them; None takes the middle of each.
        margin: pixels of the input on each side that the network has no output for.
        weights: of the pixels of each image, (H, W) float32, for the loss.
        repeats: how often an epoch sees each image: one number for all, or one for each.
        device: where the batches are wanted.

    Raises:
        InputError: no target is left between the margins, or the weights do not fit the images.
    """

    def __init__(
        self,
        pack: MaskPack,
        how: Preprocessing,
        warping: Deformation | None,
        *,
        margin: int = 0,
        weights: Sequence[Tensor] | None = None,
        repeats: Sequence[int] | int = 1,
        device: torch.device,
    ) -> None:
        assert (how.border, how.channels, how.white) == (0, pack.channels, pack.white)
        if not 0 <= 2 * margin < how.image:
            raise InputError(
                f"margins of {margin} leave nothing of an input of {how.image} pixels; expected an "
                f"input of {2 * margin + 1} or more. Pass a larger --image."
            )
        if weights is not None and tuple(tuple(w.shape) for w in weights) != pack.sizes:
            raise InputError(
                "the weights of pixels are not of the images' sizes; expected an (H, W) tensor for "
                "each image of the pack. Compute them from its masks."
            )
        self.pack, self.how = pack, how
        self.warping = warping or Deformation(flip=False, crop=False)
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
        return self.warping.random

    def training(self, index: Tensor, seed: int) -> tuple[Images, PixelTarget]:
        """The samples at these positions, warped as the seed says."""
        draw, side = Generator().manual_seed(seed), self.how.image
        images = self.order[index].tolist()
        maps = self.warping.maps(len(images), draw)
        knots = self.warping.knots(len(images), draw)
        centres = self._centres(images, maps, draw)
        far = max_reach(side, maps, knots)
        corners = (centres - far).floor()
        look = partial(self._windows, corners=corners.long().tolist(), side=ceil(2 * far) + 2)
        moved = (tensor.to(self.device) for tensor in (maps, centres - corners, knots))
        places = self.warping.places(side, *moved)
        inner = places[:, self.margin : side - self.margin, self.margin : side - self.margin]
        value = sample_bilinear if self.warping.bends else sample_nearest
        x = value(look([self.pack.raw_image(i) for i in images]), places)
        classes = sample_nearest(look([self.pack.raw_mask(i) for i in images]), inner).long()
        weight = None
        if self.weights is not None:
            weight = value(look([self.weights[i] for i in images]), inner)[..., 0]
        return self.how.normalise(x), PixelTarget(classes, weight)

    def _windows(self, arrays: Sequence[NDArray[Any]], corners: list[Any], side: int) -> Tensor:
        seen = crop_reflected(arrays, corners, side)
        whole = seen.dtype.kind == "u"
        return (tensor_of(seen) if whole else torch.from_numpy(seen)).to(self.device)

    def _centres(self, images: list[int], maps: AffineMaps, draw: Generator) -> Tensor:
        """Rows and columns of the crops' centres, (B, 2) in pixels of their images."""
        extent = maps.abs().sum(-1) * (self.how.image - 2 * self.margin)  # of the targets
        room = torch.tensor([self.pack.sizes[i] for i in images]) - extent
        exact = not self.warping.bends
        if self.warping.crop:
            chance, span = torch.rand(room.shape, generator=draw), room.abs()
            moved = (chance * (span + 1)).floor().minimum(span) if exact else chance * span
            corner = room.clamp_max(0) + moved
        else:
            corner = (room / 2).floor() if exact else room / 2
        return corner + (extent - 1) / 2


def crop_reflected(
    arrays: Sequence[NDArray[Any]], corners: Sequence[Sequence[int]], side: int
) -> NDArray[Any]:
    """Squares of images, mirrored where they lie beyond a border.

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
        near = array[:, first : last + 1][rows]  # whole rows are copied fastest
        squares.append(near[:, columns - first])
    return np.stack(squares)
