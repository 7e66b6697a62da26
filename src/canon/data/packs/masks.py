"""Packs of images of any size and their masks, in two memory-mapped files."""

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from canon.data.checks.masks import size_mismatch
from canon.data.images.collection import Images
from canon.data.images.picture import in_turn
from canon.data.images.reduced import reduced, reduced_mask
from canon.data.packs.base import SAMPLE, ChannelStatistics, cache_key, channel_statistics
from canon.data.preprocessing import Preprocessing, tensor_of
from canon.data.targets.masks import Masks
from canon.data.types import IGNORE, ClassMap, Pixels
from canon.errors import DataError
from canon.utils.files import atomic_write, cache_dir
from canon.utils.progress import Progress

AHEAD = 16  # pairs that are in memory at once while a pack is written

ImageAndMask = tuple[Pixels, ClassMap]


@dataclass(frozen=True)
class MaskPack:
    """Images and the classes of their pixels, in memory or mapped from the cache.

    Args:
        flat_images: (M, C) uint8 or uint16, the pixels of image after image, row by row.
        flat_masks: (M,) uint8, their classes, or `IGNORE`.
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

    def image(self, i: int) -> Pixels:
        """Image i as it is stored, (H, W, C) uint8 or uint16; nothing is read before it is used."""
        start, end = self._ends[i : i + 2]
        return self.flat_images[start:end].reshape(*self.sizes[i], -1)

    def mask(self, i: int) -> ClassMap:
        """Mask i as it is stored, (H, W) uint8; nothing is read before it is used."""
        start, end = self._ends[i : i + 2]
        return self.flat_masks[start:end].reshape(self.sizes[i])

    def pixels(self) -> NDArray[np.int64]:
        """(N, K) pixels of each class in each image; ignored pixels are in no column."""
        return self.counts

    def statistics(self) -> ChannelStatistics:
        """Mean and standard deviation of each channel, fractions of white.

        Of every n-th pixel where all would be more than 2^25 numbers.
        """
        step = -(-self.flat_images.size // SAMPLE)
        sample = np.ascontiguousarray(self.flat_images[::step])
        return channel_statistics(tensor_of(sample), self.white)


def class_pixels(mask: ClassMap, classes: int) -> NDArray[np.int64]:
    """(K,) pixels of each class in a mask."""
    return np.bincount(mask.ravel(), minlength=IGNORE + 1)[:classes]


def build_mask_pack(
    images: Images,
    masks: Masks,
    channels: int,
    bits: int = 8,
    progress: Progress | None = None,
    downscale: int = 1,
) -> MaskPack:
    """The pack of one split with masks: from the cache, or from its files.

    Args:
        images: of the split; every file must be readable.
        masks: one for each image.
        channels: 1 or 3.
        bits: 8 or 16.
        progress: wraps the images while they are read, given how many there are.
        downscale: whole factor by which images and masks are reduced.

    Raises:
        DataError: a file cannot be read, an image has more bits than are stored, or a mask another
            size than its image.
    """
    reduction = (downscale,) if downscale > 1 else ()
    settings = ("pairs", channels, bits, json.dumps(asdict(masks.codes)), *reduction)
    path = cache_dir("packs") / cache_key((*images.files, *masks.files), *settings)
    kinds = ("images", "masks", "json")
    image_file, mask_file, index = (path.with_suffix(f".{kind}") for kind in kinds)
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    if not _whole(index, image_file, mask_file, channels * dtype.itemsize):
        # In this order, the index is put in place after the arrays.
        with atomic_write(index) as i, atomic_write(image_file) as a, atomic_write(mask_file) as b:
            prep = Preprocessing(1, channels, bits, downscale=downscale)
            pairs = _read(images, masks, prep, progress)
            i.write_text(json.dumps(_write(pairs, a, b, len(masks.classes))))
    sizes, counts = json.loads(index.read_text())
    return MaskPack(
        np.memmap(image_file, dtype, "c").reshape(-1, channels),
        np.memmap(mask_file, np.uint8, "c"),
        tuple((height, width) for height, width in sizes),
        np.array(counts, np.int64),
        images.names,
    )


def _whole(index: Path, images: Path, masks: Path, pixel: int) -> bool:
    """Whether a pack is in the cache, and undamaged; `pixel` is an image's bytes per pixel."""
    try:
        sizes, _ = json.loads(index.read_text())
        area = sum(height * width for height, width in sizes)
        return images.stat().st_size == area * pixel and masks.stat().st_size == area
    except (OSError, ValueError, TypeError):
        return False


def _read(
    images: Images, masks: Masks, prep: Preprocessing, progress: Progress | None
) -> Iterator[ImageAndMask]:
    """All pairs in order, read ahead in threads."""
    files: Iterable[Path] = images.files
    files = progress(files, len(images)) if progress else files
    with ThreadPoolExecutor() as pool:
        places = (i for i, _ in enumerate(files))
        while ahead := list(islice(places, AHEAD)):
            yield from pool.map(partial(_read_pair, images, masks, prep), ahead)


def _read_pair(images: Images, masks: Masks, prep: Preprocessing, i: int) -> ImageAndMask:
    with in_turn(masks.files[i]):
        return _converted_pair(images, masks, prep, i)


def _converted_pair(images: Images, masks: Masks, prep: Preprocessing, i: int) -> ImageAndMask:
    image, mask = prep.convert(images[i], images.names[i]), masks[i]
    if image.shape[:2] != mask.shape:
        raise DataError(size_mismatch(masks.files[i], mask.shape, image.shape[:2]))
    if prep.downscale > 1:
        return reduced(image, prep.downscale), reduced_mask(mask, prep.downscale)
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
