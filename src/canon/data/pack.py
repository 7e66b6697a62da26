"""Packs: a whole set of images as one array, and what is done to it before a network sees it."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from canon.data.cache import cache_dir, written_aside
from canon.data.check import VERSION, Progress, file_mark
from canon.data.dataset import Part, Pixels
from canon.data.reader import read_image, to_bits, to_channels
from canon.errors import DataError
from canon.types import Images, Labels, RawImages


@dataclass(frozen=True)
class Preprocessing:
    """From a file to a network's input; a run remembers it.

    Args:
        image: side of the network's input in pixels.
        channels: 1 or 3.
        bits: 8 or 16, of the stored images.
        border: pixels of the input on each side that repeat the edge (LeNet-5: 28 becomes 32).
        crop: side of the evaluated centre as a fraction of the shorter side of the image.
        mean: of each channel, as a fraction of white.
        std: of each channel, as a fraction of white.
    """

    image: int
    channels: int
    bits: int = 8
    border: int = 0
    crop: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

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

    def fit(self, pixels: Pixels) -> Pixels:
        """One image, (H, W, C), as a stored square: shorter side scaled, centre cropped."""
        deep = to_bits(to_channels(pixels, self.channels), self.bits)
        return square(deep[None], self.stored)[0]

    def read(self, file: Path) -> Pixels:
        """One file as a stored square.

        Raises:
            DataError: it cannot be read, or has more bits than are stored.
        """
        pixels = read_image(file)
        try:
            return self.fit(pixels)
        except DataError as reason:
            raise DataError(f"{file}: {reason}") from None

    def normalise(self, raw: RawImages) -> Images:
        """Stored pixels, (N, H, W, C) and already cropped, as a network's input, channels last."""
        mean, std = (torch.tensor(v, device=raw.device) * self.white for v in (self.mean, self.std))
        x = ((raw - mean) / std).permute(0, 3, 1, 2)
        if self.border:
            x = F.pad(x, (self.border,) * 4, mode="replicate")
        return x.contiguous(memory_format=torch.channels_last)

    def centre(self, raw: RawImages) -> RawImages:
        """The part of stored squares that is evaluated."""
        start = (raw.shape[1] - self.inner) // 2
        middle = slice(start, start + self.inner)
        return raw[:, middle, middle]

    def evaluation(self, raw: RawImages) -> Images:
        """Stored squares as a network's input: the centre, normalised."""
        return self.normalise(self.centre(raw))


@dataclass(frozen=True)
class Pack:
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

    def to(self, device: torch.device) -> "Pack":
        """The pack on a device."""
        return Pack(self.images.to(device), self.labels.to(device), self.names)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel, fractions of white.

        Of every n-th image where all would be more than 2^25 numbers.
        """
        white = 255 if self.images.dtype == torch.uint8 else 65535
        sample = every_nth(self.images).reshape(-1, self.images.shape[-1]).double() / white
        std = sample.std(0).clamp_min(1 / 255)
        return tuple(sample.mean(0).tolist()), tuple(std.tolist())


def every_nth(images: RawImages, most: int = 2**25) -> RawImages:
    """All images, or evenly spaced ones that hold at most so many numbers, and one at least."""
    wanted = max(1, most // images[0].numel())
    return images[:: -(-len(images) // wanted)]


def square(images: Pixels, side: int) -> Pixels:
    """Images (N, H, W, C) as squares: the shorter side scaled to `side`, the centre cropped."""
    images = scaled(images, side)
    top, left = (images.shape[1] - side) // 2, (images.shape[2] - side) // 2
    return images[:, top : top + side, left : left + side]


def scaled(images: Pixels, side: int) -> Pixels:
    """Images (N, H, W, C) with their shorter side scaled to `side`, the other in proportion.

    Scaling is bilinear and, downwards, antialiased.
    """
    height, width = images.shape[1:3]
    scale = side / min(height, width)
    size = (max(side, round(height * scale)), max(side, round(width * scale)))
    if size == (height, width):
        return images
    x = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)
    y = F.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
    white = np.iinfo(images.dtype).max
    rounded = y.round_().clamp_(0, white).permute(0, 2, 3, 1).numpy()
    return rounded.astype(images.dtype)


def build_pack(part: Part, how: Preprocessing, progress: Progress | None = None) -> Pack:
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
    return Pack(tensor_of(stored), torch.from_numpy(part.labels), tuple(map(str, part.files)))


def _from_arrays(images: Pixels, how: Preprocessing) -> Pixels:
    chunks = [
        square(to_bits(to_channels(images[i : i + 1024], how.channels), how.bits), how.stored)
        for i in range(0, len(images), 1024)
    ]
    return np.concatenate(chunks)


def _from_files(part: Part, how: Preprocessing, progress: Progress | None) -> Pixels:
    shape = (len(part), how.stored, how.stored, how.channels)
    dtype = np.uint8 if how.bits == 8 else np.uint16
    path = cache_dir("packs") / f"{_key(part.files, how)}.npy"
    if not path.is_file():
        with written_aside(path) as aside, ThreadPoolExecutor() as pool:
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
        digest.update(f"\n{file.resolve()} {file_mark(file)}".encode())
    return digest.hexdigest()


def tensor_of(pixels: Pixels) -> Tensor:
    """Stored pixels as a tensor of a type that torch computes with."""
    if pixels.dtype != np.uint8:
        return torch.from_numpy(pixels.astype(np.int32))
    return torch.from_numpy(np.require(pixels, requirements="W"))  # a copy where it must be
