"""Packs of images: a whole split as one array of squares."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from canon.data.dataset import Split
from canon.data.images.reader import to_bits, to_channels
from canon.data.packs.base import every_nth
from canon.data.preprocessing import Preprocessing, center_square, tensor_of
from canon.data.scan_cache import VERSION
from canon.data.types import Pixels
from canon.types import Labels, RawImages
from canon.utils.files import atomic_write, cache_dir, fingerprint
from canon.utils.progress import Progress


@dataclass(frozen=True)
class ImagePack:
    """Stored squares and their labels, on one device.

    Args:
        images: (N, H, W, C) uint8, or int32 where pixels have 16 bits.
        labels: (N,) int64.
        names: the files they come from, if they do.
    """

    images: RawImages
    labels: Labels
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "ImagePack":
        """The pack on a device."""
        return ImagePack(self.images.to(device), self.labels.to(device), self.names)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel, fractions of white.

        Of every n-th image where all would be more than 2^25 numbers.
        """
        white = 255 if self.images.dtype == torch.uint8 else 65535
        sample = every_nth(self.images).reshape(-1, self.images.shape[-1]).double() / white
        std = sample.std(0).clamp_min(1 / 255)
        return tuple(sample.mean(0).tolist()), tuple(std.tolist())


def build_image_pack(
    part: Split, how: Preprocessing, progress: Progress | None = None
) -> ImagePack:
    """The pack of one split: from memory, from the cache, or from its files.

    Args:
        part: the split; every file of it must be readable.
        how: the preprocessing, of which only the stored side, the channels and the bits matter.
        progress: wraps the files while they are read, given how many there are.

    Raises:
        DataError: a file cannot be read.
    """
    stored = (
        _from_arrays(part.images, how)
        if part.images is not None
        else _from_files(part, how, progress)
    )
    return ImagePack(tensor_of(stored), torch.from_numpy(part.labels), tuple(map(str, part.files)))


def _from_arrays(images: Pixels, how: Preprocessing) -> Pixels:
    chunks = [
        center_square(
            to_bits(to_channels(images[i : i + 1024], how.channels), how.bits), how.stored
        )
        for i in range(0, len(images), 1024)
    ]
    return np.concatenate(chunks)


def _from_files(part: Split, how: Preprocessing, progress: Progress | None) -> Pixels:
    shape = (len(part), how.stored, how.stored, how.channels)
    dtype = np.uint8 if how.bits == 8 else np.uint16
    path = cache_dir("packs") / f"{_key(part.files, how)}.npy"
    if not path.is_file():
        with atomic_write(path) as aside, ThreadPoolExecutor() as pool:
            pack = np.lib.format.open_memmap(aside, mode="w+", dtype=dtype, shape=shape)
            files: Iterable[Path] = progress(part.files, len(part)) if progress else part.files
            for i, pixels in enumerate(pool.map(how.read, files)):
                pack[i] = pixels
            pack.flush()
    return np.load(path, mmap_mode="c")


def _key(files: tuple[Path, ...], how: Preprocessing) -> str:
    digest = hashlib.blake2b(
        f"{VERSION} {how.stored} {how.channels} {how.bits}".encode(), digest_size=16
    )
    for file in files:
        digest.update(f"\n{file.resolve()} {fingerprint(file)}".encode())
    return digest.hexdigest()
