"""Zarr arrays and OME-Zarr images as region readers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from canon.data.images.blocks import BlockCache, BlockReader
from canon.data.images.region import RegionReader
from canon.data.types import Pixels
from canon.errors import DataError, InputError

MIN_BLOCK = 512  # pixels: zarr reads small chunks faster together
CHANNEL_AXES = ("c", "s", "channel", "rgb")
MOST_PAGES = 1_000_000  # of one array
PRIMARIES = ("FF0000", "00FF00", "0000FF")


@dataclass(frozen=True)
class Axes:
    """The axes of an array: rows, columns, RGB if it is in colour, and pages."""

    y: int
    x: int
    rgb: int | None
    pages: tuple[int, ...]


def zarr_readers(folder: Path) -> list[RegionReader]:
    """One reader per plane of a zarr array, or of the full resolution of an OME-Zarr image.

    An axis of length 3 is RGB if it is the last, or if an OME-Zarr displays its channels as red,
    green and blue. All other axes except rows and columns are pages, in order.

    Raises:
        DataError: there is no image, or its pixel type is not supported.
        InputError: zarr is not installed.
    """
    try:
        import zarr  # noqa: PLC0415
    except ImportError:
        raise InputError(
            f"{folder} is a folder; reading it as zarr needs zarr: pip install 'canon-nets[big]'"
        ) from None
    try:
        array, names, rgb = _image(zarr.open(str(folder), mode="r"), folder)
    except (DataError, MemoryError):
        raise
    except Exception as reason:  # a damaged description can raise anything
        raise DataError(
            f"{folder} cannot be read as zarr ({' '.join(str(reason).split())[:120]}); expected an "
            "array or an OME-Zarr image. Check the path."
        ) from None
    _check(array, folder)
    axes = _axes(array.shape, names, rgb)
    cache = BlockCache()
    lengths = [array.shape[axis] for axis in axes.pages]
    if prod(lengths) > MOST_PAGES:
        raise DataError(
            f"{folder} has {prod(lengths):,} pages; expected at most {MOST_PAGES:,}. Check its "
            "shape, or split it."
        )
    pages = list(product(*map(range, lengths)))
    return [
        _reader(array, axes, page, f"page {number + 1} of {len(pages)} of {folder}", cache, number)
        for number, page in enumerate(pages)
    ]


def _image(node: Any, folder: Path) -> tuple[Any, Sequence[str] | None, bool]:
    """The array, the names of its axes if any, and whether its channels are RGB."""
    if hasattr(node, "shape"):
        return node, getattr(node.metadata, "dimension_names", None), False
    attributes = dict(node.attrs)
    attributes = attributes.get("ome", attributes)  # OME-Zarr 0.5 and earlier ones
    if "multiscales" not in attributes:
        if "0" in node:  # a single array, or the first image of bioformats2raw
            return _image(node["0"], folder)
        raise DataError(
            f"{folder} is a zarr group without an image; expected an array or an OME-Zarr image. "
            "Pass the folder of the array in it."
        )
    if not attributes["multiscales"]:
        raise DataError(
            f"{folder} has empty multiscales; expected an image. Pass the folder of an array."
        )
    scales = attributes["multiscales"][0]
    axes = [axis if isinstance(axis, str) else axis["name"] for axis in scales.get("axes", [])]
    channels = attributes.get("omero", {}).get("channels", [])
    rgb = tuple(str(channel.get("color", "")).upper() for channel in channels) == PRIMARIES
    return node[scales["datasets"][0]["path"]], axes or None, rgb


def _check(array: Any, folder: Path) -> None:
    kind = array.dtype
    if kind.kind == "f":
        raise DataError(
            f"{folder} has floating-point pixels; expected 8 or 16 bits. Convert it to 8 or 16 "
            "bits with an explicit value range."
        )
    if kind.kind not in ("b", "u") or kind.itemsize > 2 or array.ndim < 2 or 0 in array.shape:
        raise DataError(
            f"{folder} has {kind} values of shape {array.shape}; expected images of unsigned 8 or "
            "16 bits. Convert it."
        )


def _axes(shape: tuple[int, ...], names: Sequence[str | None] | None, rgb: bool) -> Axes:
    count, channels = len(shape), None
    named = [str(name).lower() for name in names or ()]
    if "y" in named and "x" in named:
        y, x = named.index("y"), named.index("x")
        channel = next((i for i, name in enumerate(named) if name in CHANNEL_AXES), None)
        if channel is not None and shape[channel] == 3 and (rgb or channel == count - 1):
            channels = channel
    else:
        if count > 2 and shape[-1] in (2, 4):
            raise DataError(
                f"the zarr array has shape {shape}, whose last axis may be an alpha channel; "
                "expected 1 or 3 channels, or named axes. Remove the alpha channel or name the "
                "axes."
            )
        last = count > 2 and shape[-1] in (1, 3)
        y, x = (count - 3, count - 2) if last else (count - 2, count - 1)
        channels = count - 1 if last and shape[-1] == 3 else None
    return Axes(y, x, channels, tuple(i for i in range(count) if i not in (y, x, channels)))


def _reader(
    array: Any, axes: Axes, page: tuple[int, ...], name: str, cache: BlockCache, key: int
) -> RegionReader:
    height, width = array.shape[axes.y], array.shape[axes.x]
    chunk = array.chunks[axes.y], array.chunks[axes.x]
    block = -(-MIN_BLOCK // chunk[0]) * chunk[0], -(-MIN_BLOCK // chunk[1]) * chunk[1]
    load: Callable[[int, int], Pixels] = partial(_load, array, axes, page, block)
    channels, bits = 1 if axes.rgb is None else 3, 8 * array.dtype.itemsize
    return BlockReader(name, height, width, channels, bits, block, load, _to_unsigned, cache, key)


def _load(
    array: Any, axes: Axes, page: tuple[int, ...], block: tuple[int, int], i: int, j: int
) -> Pixels:
    index: dict[int, Any] = dict(zip(axes.pages, page, strict=True))
    index[axes.y] = slice(i * block[0], (i + 1) * block[0])
    index[axes.x] = slice(j * block[1], (j + 1) * block[1])
    if axes.rgb is not None:
        index[axes.rgb] = slice(None)
    pixels = np.asarray(array[tuple(index[axis] for axis in range(array.ndim))])
    remaining = [axis for axis in range(array.ndim) if axis not in axes.pages]
    order = [axes.y, axes.x, *([] if axes.rgb is None else [axes.rgb])]
    upright = pixels.transpose([remaining.index(axis) for axis in order])
    return upright if axes.rgb is not None else upright[..., None]


def _to_unsigned(samples: Pixels) -> Pixels:
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)
