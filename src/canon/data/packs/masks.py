"""Packs of images of any size and their masks, in two memory-mapped files."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from canon.data.checks.masks import size_mismatch
from canon.data.dataset import Split
from canon.data.preprocessing import Preprocessing, read_original, tensor_of
from canon.data.scan_cache import VERSION
from canon.data.targets.mask_codes import MaskCodes
from canon.data.targets.masks import read_mask
from canon.data.types import IGNORE, ClassMap, Pixels
from canon.errors import DataError
from canon.utils.files import atomic_write, cache_dir, fingerprint
from canon.utils.progress import Progress

AHEAD = 16  # pairs that are in memory at once while a pack is written
SAMPLE = 2**25  # numbers that statistics are taken of, at most

ImageAndMask = tuple[Pixels, ClassMap]


@dataclass(frozen=True)
class MaskPack:
    """Images and the classes of their pixels, in memory or mapped from the cache.

    Args:
        flat_images: (M, C) uint8 or uint16, the pixels of image after image, row by row.
        flat_masks: (M,) uint8, their classes; `IGNORE` counts for nothing.
        sizes: height and width of each image in pixels; M is the sum of their products.
        counts: (N, K) int64, pixels of each class in each image.
        names: the image files, if there are any.
    """

    flat_images: Pixels
    flat_masks: NDArray[np.uint8]
    sizes: tuple[tuple[int, int], ...]
    counts: NDArray[np.int64]
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: Sequence[ImageAndMask], classes: int) -> "MaskPack":
        """A pack of pairs in memory: images (H, W, C), masks (H, W) of K classes."""
        images, masks = zip(*pairs, strict=True)
        return cls(
            np.concatenate([image.reshape(-1, image.shape[2]) for image in images]),
            np.concatenate([mask.ravel() for mask in masks]),
            tuple((mask.shape[0], mask.shape[1]) for mask in masks),
            np.stack([class_pixels(mask, classes) for mask in masks]),
        )

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def channels(self) -> int:
        """1 or 3."""
        return self.flat_images.shape[1]

    @property
    def white(self) -> int:
        """The largest value of a stored pixel."""
        return int(np.iinfo(self.flat_images.dtype).max)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(height * width for height, width in self.sizes)])

    def raw_image(self, i: int) -> Pixels:
        """Image i as it is stored, (H, W, C) uint8 or uint16; nothing is read before it is used."""
        start, end = self._ends[i : i + 2]
        return self.flat_images[start:end].reshape(*self.sizes[i], -1)

    def raw_mask(self, i: int) -> ClassMap:
        """Mask i as it is stored, (H, W) uint8; nothing is read before it is used."""
        start, end = self._ends[i : i + 2]
        return self.flat_masks[start:end].reshape(self.sizes[i])

    def image(self, i: int) -> Annotated[Tensor, "(H, W, C) uint8, or int32 holding 16 bits"]:
        """Image i."""
        return tensor_of(self.raw_image(i))

    def mask(self, i: int) -> Annotated[Tensor, "(H, W) uint8"]:
        """The classes of image i's pixels; `IGNORE` counts for nothing."""
        return tensor_of(self.raw_mask(i))

    def pixels(self) -> NDArray[np.int64]:
        """(N, K) pixels of each class in each image; those that count for nothing are left out."""
        return self.counts

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel, fractions of white.

        Of every n-th pixel where all would be more than 2^25 numbers.
        """
        step = -(-self.flat_images.size // SAMPLE)
        sample = torch.from_numpy(self.flat_images[::step] / self.white)
        std = sample.std(0).clamp_min(1 / 255)
        return tuple(sample.mean(0).tolist()), tuple(std.tolist())


def class_pixels(mask: ClassMap, classes: int) -> NDArray[np.int64]:
    """(K,) pixels of each class in a mask."""
    return np.bincount(mask.ravel(), minlength=IGNORE + 1)[:classes]


def build_mask_pack(
    part: Split,
    values: MaskCodes,
    channels: int,
    bits: int = 8,
    progress: Progress | None = None,
) -> MaskPack:
    """The pack of one split with masks: from the cache, or from its files.

    Args:
        part: the split; every file of it must be readable.
        values: what the masks hold.
        channels: 1 or 3.
        bits: 8 or 16.
        progress: wraps the images while they are read, given how many there are.

    Raises:
        DataError: a file cannot be read, an image has more bits than are stored, or a mask another
            size than its image.
    """
    path = cache_dir("packs") / _key(part, values, channels, bits)
    images, masks, facts = (path.with_suffix(f".{kind}") for kind in ("images", "masks", "json"))
    if not all(file.is_file() for file in (images, masks, facts)):
        # In this order, the facts are put in place when the arrays are.
        with atomic_write(facts) as said, atomic_write(images) as a, atomic_write(masks) as b:
            pairs = _read(part, values, Preprocessing(1, channels, bits), progress)
            said.write_text(json.dumps(_write(pairs, a, b, len(values.values))))
    sizes, counts = json.loads(facts.read_text())
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    return MaskPack(
        np.memmap(images, dtype, "c").reshape(-1, channels),
        np.memmap(masks, np.uint8, "c"),
        tuple((height, width) for height, width in sizes),
        np.array(counts, np.int64),
        tuple(map(str, part.files)),
    )


def _key(part: Split, values: MaskCodes, channels: int, bits: int) -> str:
    head = f"{VERSION} pairs {channels} {bits} {json.dumps(asdict(values))}"
    digest = hashlib.blake2b(head.encode(), digest_size=16)
    for file in (*part.files, *part.masks):
        digest.update(f"\n{file.resolve()} {fingerprint(file)}".encode())
    return digest.hexdigest()


def _read(
    part: Split, values: MaskCodes, how: Preprocessing, progress: Progress | None
) -> Iterator[ImageAndMask]:
    """All pairs in order, some of them ahead of time."""
    files: Iterable[Path] = progress(part.files, len(part)) if progress else part.files
    with ThreadPoolExecutor() as pool:
        places = (i for i, _ in enumerate(files))
        while ahead := list(islice(places, AHEAD)):
            yield from pool.map(partial(_read_pair, part, values, how), ahead)


def _read_pair(part: Split, values: MaskCodes, how: Preprocessing, i: int) -> ImageAndMask:
    image, mask = read_original(part, how, i), read_mask(part.masks[i], values)
    if image.shape[:2] != mask.shape:
        raise DataError(size_mismatch(part.masks[i], mask.shape, image.shape[:2]))
    return image, mask


def _write(
    pairs: Iterable[ImageAndMask], images: Path, masks: Path, classes: int
) -> tuple[list[tuple[int, ...]], list[list[int]]]:
    """Sizes and class pixels of pairs, which are written to two files."""
    sizes, counts = [], []
    with images.open("wb") as image_file, masks.open("wb") as mask_file:
        for image, mask in pairs:
            image_file.write(np.ascontiguousarray(image).data)
            mask_file.write(np.ascontiguousarray(mask).data)
            sizes.append(mask.shape)
            counts.append(class_pixels(mask, classes).tolist())
    return sizes, counts
