"""The images of a split, wherever they are: in memory or in files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from canon.data.images.reader import read_image
from canon.data.types import Pixels
from canon.errors import DataError


class Images(Protocol):
    """The images of a split."""

    @property
    def names(self) -> tuple[str, ...]:
        """A path, or a position such as `#17`, for each image."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the images; empty for images in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> Pixels:
        """Image i, (H, W, C) uint8 or uint16.

        Raises:
            DataError: its file cannot be read; the message names it.
        """

    def select(self, index: NDArray[np.int64]) -> Self:
        """The images at these positions, in this order."""

    def joined(self, other: Any) -> Self:
        """These images, then the other ones of the same kind."""


@dataclass(frozen=True)
class ArrayImages:
    """Images of one size in memory.

    Args:
        pixels: (N, H, W, C) uint8 or uint16.
        names: of each image.
    """

    pixels: Pixels
    names: tuple[str, ...]
    files: tuple[Path, ...] = ()

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Images named by their position, `#0`, `#1` and so on."""
        return cls(pixels, tuple(f"#{i}" for i in range(len(pixels))))

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> Pixels:
        return self.pixels[i]

    def select(self, index: NDArray[np.int64]) -> Self:
        return type(self)(self.pixels[index], tuple(self.names[i] for i in index))

    def joined(self, other: Self) -> Self:
        """Both, numbered anew.

        Raises:
            DataError: they have different sizes, channels or types.
        """
        ours, theirs = self.pixels, other.pixels
        if ours.shape[1:] != theirs.shape[1:] or ours.dtype != theirs.dtype:
            raise DataError(
                f"two splits have images of shape {ours.shape[1:]} and {theirs.shape[1:]}, types "
                f"{ours.dtype} and {theirs.dtype}; expected the same. Convert one of them."
            )
        return self.of(np.concatenate([ours, theirs]))


@dataclass(frozen=True)
class FileImages:
    """Images in files, of any size."""

    files: tuple[Path, ...]

    @classmethod
    def of(cls, files: Iterable[Path]) -> Self:
        return cls(tuple(files))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, self.files))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> Pixels:
        return read_image(self.files[i])

    def select(self, index: NDArray[np.int64]) -> Self:
        return type(self)(tuple(self.files[i] for i in index))

    def joined(self, other: Self) -> Self:
        return type(self)(self.files + other.files)
