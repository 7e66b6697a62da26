"""What packs of images and packs of masks share."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from torch import Tensor

from canon.data.scan_cache import VERSION
from canon.data.types import Pixels
from canon.types import RawImages
from canon.utils.files import fingerprint

SAMPLE = 2**25  # numbers that statistics are computed from, at most

ChannelStatistics = tuple[tuple[float, ...], tuple[float, ...]]  # mean, std: fractions of white


class Pack(Protocol):
    """A whole split in memory, or memory-mapped from the cache."""

    @property
    def names(self) -> tuple[str, ...]:
        """A file, or a position such as `#17`, for each image."""

    @property
    def channels(self) -> int:
        """1 or 3."""

    @property
    def white(self) -> int:
        """The largest value of a stored pixel."""

    def __len__(self) -> int: ...

    def image(self, i: int) -> Pixels:
        """Image i as it is stored, (H, W, C) uint8 or uint16."""

    def statistics(self) -> ChannelStatistics:
        """Mean and standard deviation of each channel."""


def every_nth(images: RawImages, most: int = SAMPLE) -> RawImages:
    """All images, or evenly spaced ones that hold at most so many numbers, and one at least."""
    wanted = max(1, most // images[0].numel())
    return images[:: -(-len(images) // wanted)]


def channel_statistics(pixels: Tensor, white: int) -> ChannelStatistics:
    """Mean and standard deviation of each channel of pixels, (M, C)."""
    sample = pixels.double() / white
    std = sample.std(0).clamp_min(1 / 255)
    return tuple(sample.mean(0).tolist()), tuple(std.tolist())


def cache_key(files: Iterable[Path], *settings: object) -> str:
    """A name in the cache that changes with a file or a setting."""
    head = " ".join(map(str, (VERSION, *settings)))
    digest = hashlib.blake2b(head.encode(), digest_size=16)
    for file in files:
        line = f"\n{file.resolve()} {fingerprint(file)}"
        digest.update(line.encode(errors="surrogateescape"))  # names need not be UTF-8
    return digest.hexdigest()
