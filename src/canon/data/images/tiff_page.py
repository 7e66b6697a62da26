"""Region readers of one TIFF page: decode tiles or strips, convert samples to grey or RGB."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np

from canon.data.images.blocks import BlockCache, BlockReader
from canon.data.images.region import UPRIGHT, OrientedReader, RegionReader
from canon.data.types import Pixels
from canon.errors import DataError

RAW = (256, 1024)  # pixels: block of a page without tiles and compression
LARGEST_BLOCK = 2**30  # bytes
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
JPEG = (6, 7, 33007, 34892)  # compressions whose decoder converts YCbCr to RGB
PREMULTIPLIED, ALPHA = 1, 2  # kinds of an extra sample

Page = Any  # tifffile.TiffPage, or a TiffFrame, which has its keyframe's header


def page_readers(
    page: Page, offset: int, name: str, cache: BlockCache, key: int
) -> list[RegionReader]:
    """One reader for a page of grey, RGB or a palette, else one per sample.

    Args:
        page: of a TiffFile that stays open.
        offset: of its pixels from where the page says, in bytes.
        name: for messages.
        cache: of the file.
        key: of the page in the cache.

    Raises:
        DataError: the pixel type is not supported.
    """
    header = page.keyframe
    _check(header, name)
    raw = _contiguous(page)
    block = RAW if raw else header.chunks[:2]
    if (size := prod(block) * header.samplesperpixel * header.dtype.itemsize) > LARGEST_BLOCK:
        raise DataError(
            f"{name} is compressed in blocks of {block[0]:,} x {block[1]:,} pixels, "
            f"{size / 2**30:.1f} GiB each; expected smaller ones, which can be read one by one. "
            "Save it as a tiled TIFF."
        )
    load = partial(_raw, page, offset) if raw else partial(_decoded, page)
    size = (header.imagelength, header.imagewidth)
    channels = 3 if header.photometric in (RGB, PALETTE, YCBCR) else 1
    bits = 16 if header.bitspersample > 8 and header.photometric != PALETTE else 8
    orientation = header.tags.valueof("Orientation", 1)
    planes = list[RegionReader]()
    for convert in _conversions(header):
        plane = BlockReader(name, *size, channels, bits, block, load, convert, cache, key)
        planes.append(OrientedReader(plane, orientation) if orientation in UPRIGHT else plane)
    return planes


def _check(header: Page, name: str) -> None:
    bits, kind = header.bitspersample, "" if header.dtype is None else header.dtype.kind
    if kind == "f":
        raise DataError(
            f"{name} has floating-point pixels; expected 8 or 16 bits. Convert it to 8 or 16 bits "
            "with an explicit value range."
        )
    whole = kind in ("b", "u", "i") and bits in (1, *range(8, 17), 32, 64)
    inverted = bits > 16 and header.photometric == WHITE_IS_ZERO
    color = header.photometric in (RGB, YCBCR) and not 8 <= bits <= 16
    if not whole or inverted or color or header.imagedepth != 1:
        raise DataError(
            f"{name} has {bits}-bit {header.dtype or 'unknown'} pixels; expected two-dimensional "
            "images of 8 or 16 bits. Convert it."
        )
    grey = header.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, PALETTE)
    color = header.photometric == RGB or (
        header.photometric == YCBCR and header.compression in JPEG
    )
    if not grey and not (color and header.samplesperpixel >= 3):
        raise DataError(
            f"{name} has {getattr(header.photometric, 'name', header.photometric)} pixels; "
            "expected grey, RGB or a palette. Convert it to RGB."
        )


def _conversions(header: Page) -> list[Callable[[Pixels], Pixels]]:
    """A function per plane of a page, from its samples to pixels."""
    extra = header.extrasamples
    alpha = extra[0] if len(extra) == 1 and extra[0] in (PREMULTIPLIED, ALPHA) else 0
    if header.photometric == PALETTE:
        return [partial(_from_palette, (header.colormap >> 8).astype(np.uint8))]
    if header.photometric in (RGB, YCBCR):
        return [partial(over_white, 3, alpha)]
    white = 255 if header.bitspersample == 1 else 2**header.bitspersample - 1
    inverted = white if header.photometric == WHITE_IS_ZERO else 0
    if alpha and header.samplesperpixel == 2:
        return [partial(_grey_over_white, alpha, inverted)]
    convert = _grey if header.dtype.kind in "bu" and white <= 65535 else _counted
    convert = _bilevel if header.bitspersample == 1 else convert
    return [partial(convert, sample, inverted) for sample in range(header.samplesperpixel)]


def _counted(sample: int, inverted: int, samples: Pixels) -> Pixels:
    """Grey of signed or of more than 16 bits, whose values are those of 16 bits."""
    grey = samples[..., sample : sample + 1]
    low, high = int(grey.min()), int(grey.max())
    if low < 0 or high > 65535:
        raise DataError(f"values from {low} to {high}; expected 0 to 65535. Rescale it to 16 bits.")
    return _grey(0, inverted, grey.astype(np.uint8 if grey.itemsize == 1 else np.uint16))


def _from_palette(colors: Pixels, samples: Pixels) -> Pixels:
    return np.moveaxis(colors[:, samples[..., 0]], 0, -1)


def _bilevel(sample: int, inverted: int, samples: Pixels) -> Pixels:
    """Black and white of one bit, which codecs give as 0 and 1, or as truth values."""
    return _grey(sample, inverted, (samples != 0) * np.uint8(255))


def _grey(sample: int, inverted: int, samples: Pixels) -> Pixels:
    grey = samples[..., sample : sample + 1]
    return grey.dtype.type(inverted) - grey if inverted else grey


def over_white(colors: int, alpha: int, samples: Pixels) -> Pixels:
    """The first `colors` samples, composited on white by the alpha sample after them."""
    shown = samples[..., :colors]
    if not alpha:
        return shown
    white = np.iinfo(samples.dtype).max
    opacity = samples[..., colors : colors + 1].astype(np.float64) / white
    front = shown if alpha == PREMULTIPLIED else shown * opacity
    return np.rint(front + (1 - opacity) * white).clip(0, white).astype(samples.dtype)


def _grey_over_white(alpha: int, inverted: int, samples: Pixels) -> Pixels:
    grey = _grey(0, inverted, samples)
    return over_white(1, alpha, np.concatenate([grey, samples[..., 1:]], axis=-1))


def _contiguous(page: Page) -> bool:
    """Whether the file stores the pixels as in memory, so that parts of rows can be read."""
    if not page.is_final or page.keyframe.is_tiled or not page.dataoffsets[0]:
        return False
    strips = zip(page.dataoffsets, page.databytecounts, strict=False)
    return all(start + size == following for (start, size), (following, _) in pairwise(strips))


def _raw(page: Page, offset: int, i: int, j: int) -> Pixels:
    """A block of a contiguous page, read row by row."""
    header, file = page.keyframe, page.parent.filehandle
    height, width, samples = header.imagelength, header.imagewidth, header.samplesperpixel
    planes, interleaved = (1, samples) if header.planarconfig == 1 else (samples, 1)
    kind = header.dtype.newbyteorder(page.parent.byteorder)
    top, left = i * RAW[0], j * RAW[1]
    rows, columns = min(RAW[0], height - top), min(RAW[1], width - left)
    pixel, length = interleaved * kind.itemsize, columns * interleaved * kind.itemsize
    block = np.empty((planes, rows, columns * interleaved), header.dtype)
    file.open()  # no effect if it is open
    for sample, row in product(range(planes), range(rows)):
        before = (sample * height + top + row) * width + left
        file.seek(page.dataoffsets[0] + offset + before * pixel)
        data = file.read(length)
        if len(data) < length:
            raise ValueError("the file ends within the page")
        block[sample, row] = np.frombuffer(data, kind)
    block = block.reshape(planes, rows, columns, interleaved)
    return np.concatenate(list(block), axis=-1)


def _decoded(page: Page, i: int, j: int) -> Pixels:
    """The tile or strip at row i and column j, with all samples."""
    header = page.keyframe
    rows = -(-header.imagelength // header.chunks[0])
    columns = -(-header.imagewidth // header.chunks[1])
    planes = header.samplesperpixel if header.planarconfig == 2 else 1
    parts = [_segment(page, (sample * rows + i) * columns + j) for sample in range(planes)]
    return np.concatenate(parts, axis=-1)


def _segment(page: Page, index: int) -> Pixels:
    header, file = page.keyframe, page.parent.filehandle
    start, size = page.dataoffsets[index], page.databytecounts[index]
    file.open()
    file.seek(start)
    data = file.read(size) if start and size else None  # empty segments are not stored
    tables = {"jpegtables": page.jpegtables, "jpegheader": header.jpegheader}
    pixels, _, shape = header.decode(data, index, **tables)
    return np.full(shape[1:], header.nodata, header.dtype) if pixels is None else pixels[0]
