"""Region readers of one TIFF page: tiles or strips decoded, samples shown as grey or RGB."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np

from canon.data.images.blocks import BlockCache, BlockReader
from canon.data.images.region import UPRIGHT, OrientedReader, RegionReader
from canon.data.types import Pixels
from canon.errors import DataError

RAW = (256, 1024)  # pixels read at once where the file has neither tiles nor a codec
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
JPEG = (6, 7, 33007, 34892)  # compressions whose decoder makes RGB of YCbCr
PREMULTIPLIED, ALPHA = 1, 2  # kinds of an extra sample

Page = Any  # tifffile.TiffPage, or a TiffFrame, which has its keyframe's header


def page_readers(
    page: Page, shift: int, name: str, cache: BlockCache, key: int
) -> list[RegionReader]:
    """The planes of a page: one if it is grey, RGB or of a palette, else one for each sample.

    Args:
        page: of a TiffFile that stays open.
        shift: bytes that its pixels lie behind where the page says.
        name: what errors call it.
        cache: of the file.
        key: of the page in it.

    Raises:
        DataError: its pixels are of a kind that no network is given.
    """
    header = page.keyframe
    _check(header, name)
    plain = _in_a_row(page)
    block = RAW if plain else header.chunks[:2]
    load = partial(_raw, page, shift) if plain else partial(_decoded, page)
    size = (header.imagelength, header.imagewidth)
    channels = 3 if header.photometric in (RGB, PALETTE, YCBCR) else 1
    bits = 16 if header.bitspersample > 8 and header.photometric != PALETTE else 8
    turned = header.tags.valueof("Orientation", 1)
    planes = list[RegionReader]()
    for shown in _shows(header):
        plane = BlockReader(name, *size, channels, bits, block, load, shown, cache, key)
        planes.append(OrientedReader(plane, turned) if turned in UPRIGHT else plane)
    return planes


def _check(header: Page, name: str) -> None:
    bits, kind = header.bitspersample, "" if header.dtype is None else header.dtype.kind
    if kind == "f":
        raise DataError(
            f"{name} holds floating point pixels; expected 8 or 16 bits. Convert it, saying which "
            "value is white."
        )
    if kind not in ("b", "u") or bits not in (1, *range(8, 17)) or header.imagedepth != 1:
        raise DataError(
            f"{name} holds {bits}-bit {header.dtype or 'unknown'} pixels; expected unsigned ones "
            "of 8 or 16 bits in two dimensions. Convert it."
        )
    grey = header.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, PALETTE)
    colour = header.photometric == RGB or (
        header.photometric == YCBCR and header.compression in JPEG
    )
    if not grey and not (colour and header.samplesperpixel >= 3):
        raise DataError(
            f"{name} holds {getattr(header.photometric, 'name', header.photometric)} pixels; "
            "expected grey, RGB or a palette. Convert it to RGB."
        )


def _shows(header: Page) -> list[Callable[[Pixels], Pixels]]:
    """What makes the planes of a page of its samples, one function for each plane."""
    extra = header.extrasamples
    alpha = extra[0] if len(extra) == 1 and extra[0] in (PREMULTIPLIED, ALPHA) else 0
    if header.photometric == PALETTE:
        return [partial(_painted, (header.colormap >> 8).astype(np.uint8))]
    if header.photometric in (RGB, YCBCR):
        return [partial(_over_white, 3, alpha)]
    if alpha and header.samplesperpixel == 2:
        return [partial(_over_white, 1, alpha)]
    white = 255 if header.bitspersample == 1 else 2**header.bitspersample - 1
    inverted = white if header.photometric == WHITE_IS_ZERO else 0
    return [partial(_grey, sample, inverted) for sample in range(header.samplesperpixel)]


def _painted(colours: Pixels, samples: Pixels) -> Pixels:
    return np.moveaxis(colours[:, samples[..., 0]], 0, -1)


def _grey(sample: int, inverted: int, samples: Pixels) -> Pixels:
    grey = samples[..., sample : sample + 1]
    grey = grey.astype(np.uint8) * np.uint8(255) if grey.dtype == np.bool_ else grey
    return grey.dtype.type(inverted) - grey if inverted else grey


def _over_white(colours: int, alpha: int, samples: Pixels) -> Pixels:
    """The first samples, laid over white where another says how much they cover."""
    shown = samples[..., :colours]
    if not alpha:
        return shown
    white = np.iinfo(samples.dtype).max
    cover = samples[..., colours : colours + 1].astype(np.float64) / white
    laid = (shown if alpha == PREMULTIPLIED else shown * cover) + (1 - cover) * white
    return np.rint(laid).clip(0, white).astype(samples.dtype)


def _in_a_row(page: Page) -> bool:
    """Whether the pixels lie in the file as in memory, so that any part of a row can be read."""
    if not page.is_final or page.keyframe.is_tiled or not page.dataoffsets[0]:
        return False
    strips = zip(page.dataoffsets, page.databytecounts, strict=False)
    return all(start + size == following for (start, size), (following, _) in pairwise(strips))


def _raw(page: Page, shift: int, i: int, j: int) -> Pixels:
    """A block of a page whose pixels lie in a row, each row of it by a read of its own."""
    header, file = page.keyframe, page.parent.filehandle
    height, width, samples = header.imagelength, header.imagewidth, header.samplesperpixel
    apart, together = (1, samples) if header.planarconfig == 1 else (samples, 1)
    kind = header.dtype.newbyteorder(page.parent.byteorder)
    top, left = i * RAW[0], j * RAW[1]
    rows, columns = min(RAW[0], height - top), min(RAW[1], width - left)
    pixel, wanted = together * kind.itemsize, columns * together * kind.itemsize
    block = np.empty((apart, rows, columns * together), header.dtype)
    file.open()  # does nothing to an open one
    for sample, row in product(range(apart), range(rows)):
        before = (sample * height + top + row) * width + left
        file.seek(page.dataoffsets[0] + shift + before * pixel)
        data = file.read(wanted)
        if len(data) < wanted:
            raise ValueError("the file ends within it")
        block[sample, row] = np.frombuffer(data, kind)
    block = block.reshape(apart, rows, columns, together)
    return np.concatenate(list(block), axis=-1)


def _decoded(page: Page, i: int, j: int) -> Pixels:
    """The tile or strip in row i and column j, with all its samples."""
    header = page.keyframe
    down, along = (
        -(-header.imagelength // header.chunks[0]),
        -(-header.imagewidth // header.chunks[1]),
    )
    apart = header.samplesperpixel if header.planarconfig == 2 else 1
    parts = [_segment(page, (sample * down + i) * along + j) for sample in range(apart)]
    return np.concatenate(parts, axis=-1)


def _segment(page: Page, index: int) -> Pixels:
    header, file = page.keyframe, page.parent.filehandle
    start, size = page.dataoffsets[index], page.databytecounts[index]
    file.open()
    file.seek(start)
    data = file.read(size) if start and size else None  # none is stored where all is empty
    tables = {"jpegtables": page.jpegtables, "jpegheader": header.jpegheader}
    pixels, _, shape = header.decode(data, index, **tables)
    return np.full(shape[1:], header.nodata, header.dtype) if pixels is None else pixels[0]
