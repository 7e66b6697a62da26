"""Packs of images: a whole split as one array of squares."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from canon.data.images.collection import ArrayImages, Images
from canon.data.packs.base import (
    ChannelStatistics,
    cache_key,
    channel_statistics,
    every_nth,
)
from canon.data.preprocessing import Preprocessing, center_square, tensor_of
from canon.data.types import Pixels
from canon.types import RawImages
from canon.utils.files import atomic_write, cache_dir
from canon.utils.progress import Progress

RESIZE = 2  # version of the resizing: older packs in the cache differ by a level


@dataclass(frozen=True)
class ImagePack:
    """Stored squares and a number for each, on one device.

    Args:
        images: (N, H, W, C) uint8, or int32 holding 16 bits.
        targets: (N,) int64 labels, or whatever else the task predicts of an image.
        names: a file, or a position such as `#17`, for each image.
    """

    images: RawImages
    targets: Tensor
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def channels(self) -> int:
        """1 or 3."""
        return self.images.shape[-1]

    @property
    def white(self) -> int:
        """The largest value of a stored pixel."""
        return 255 if self.images.dtype == torch.uint8 else 65535

    def image(self, i: int) -> Pixels:
        """Image i as it is stored, (H, W, C) uint8 or uint16."""
        pixels = self.images[i].cpu().numpy()
        return pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)

    def to(self, device: torch.device) -> "ImagePack":
        """The pack on a device."""
        return replace(self, images=self.images.to(device), targets=self.targets.to(device))

    def statistics(self) -> ChannelStatistics:
        """Mean and standard deviation of each channel, fractions of white.

        Of every n-th image where all would be more than 2^25 numbers.
        """
        pixels = every_nth(self.images).reshape(-1, self.channels)
        return channel_statistics(pixels, self.white)


def build_image_pack(
    images: Images,
    targets: NDArray[Any],
    prep: Preprocessing,
    progress: Progress | None = None,
) -> ImagePack:
    """The pack of one split: from memory, from the cache, or from its files.

    Args:
        images: of the split; every file must be readable.
        targets: (N, ...) one for each image.
        prep: the preprocessing; only the stored side, the channels and the bits matter.
        progress: wraps the files while they are read, given how many there are.

    Raises:
        DataError: a file cannot be read.
    """
    if isinstance(images, ArrayImages):
        stored = _from_array(images, prep)
    else:
        stored = _from_files(images, prep, progress)
    return ImagePack(tensor_of(stored), torch.from_numpy(targets), images.names)


def _from_array(images: ArrayImages, prep: Preprocessing) -> Pixels:
    chunks = [
        center_square(prep.convert(images.pixels[i : i + 1024]), prep.stored)
        for i in range(0, len(images), 1024)
    ]
    return np.concatenate(chunks)


def _from_files(images: Images, prep: Preprocessing, progress: Progress | None) -> Pixels:
    shape = (len(images), prep.stored, prep.stored, prep.channels)
    dtype = np.uint8 if prep.bits == 8 else np.uint16
    key = cache_key(images.files, RESIZE, prep.stored, prep.channels, prep.bits)
    path = cache_dir("packs") / f"{key}.npy"
    stored = _cached(path)
    if stored is not None and stored.shape == shape:
        return stored
    with atomic_write(path) as aside, ThreadPoolExecutor() as pool, aside.open("wb") as file:
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        files: Iterable[Path] = images.files
        for pixels in pool.map(prep.read, progress(files, len(images)) if progress else files):
            file.write(np.ascontiguousarray(pixels, dtype).data)
    return np.load(path, mmap_mode="c")


def _cached(path: Path) -> Pixels | None:
    """A pack in the cache; None if there is none, or one that a power cut has damaged."""
    try:
        return np.load(path, mmap_mode="c") if path.is_file() else None
    except (OSError, ValueError, EOFError):
        return None
