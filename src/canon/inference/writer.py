"""Masks and probabilities as tiled TIFF or zarr, complete or not at all."""

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.errors import InputError
from canon.inference.partial import OutputShape, PartialOutput, open_partial
from canon.utils.files import fsync
from canon.utils.progress import Progress

TILE_SIDE = 512  # of the tiles of a TIFF and of the chunks of a zarr array, in pixels
MAX_CLASSIC_BYTES = 2**32 - 2**25  # bytes that a TIFF holds without being a BigTIFF
TIFFS, ZARRS = (".tif", ".tiff", ".btf"), (".zarr",)
Colors = Sequence[tuple[int, int, int]]


@dataclass(frozen=True)
class TiledWriter:
    """An output under way: rows of tiles are kept beside it until it is whole.

    Args:
        target: the file, or for zarr the folder, that `finish` makes.
        journal: the rows so far.
        colours: of each class, red, green and blue from 0 to 255; for TIFF masks.
    """

    target: Path
    journal: PartialOutput
    colours: Colors | None = None

    def done(self, page: int) -> int:
        """Rows of tiles of a page, counted from 0, that are safe; the next is the one to write."""
        return self.journal.done(page)

    def write(self, page: int, row: int, band: NDArray[Any]) -> None:
        """Keep a row of tiles; when this returns, it outlives the process.

        Args:
            page: number from 0.
            row: of tiles, from 0.
            band: (h, width) uint8 classes, or (K, h, width) probabilities of any float type.

        Raises:
            InputError: a band of another shape or type.
        """
        self.journal.write(page, row, band)

    def leave_out(self, page: int) -> None:
        """Go on without a page: its masks become void, its probabilities NaN."""
        self.journal.leave_out(page)

    def finish(self, progress: Progress | None = None) -> Path:
        """Place the output, and remove what was beside it; arguments as of `place`."""
        self.place(progress)
        self.abandon()
        return self.target

    def place(self, progress: Progress | None = None) -> None:
        """Write the output and put it in its place in one step; again, if it is there already.

        Args:
            progress: wraps the kept rows while they are read, given how many there are.

        Raises:
            InputError: rows are missing.
        """
        missing = self.journal.unfinished()
        if missing:
            raise InputError(
                f"{self.target} is not whole: {missing}; expected all. Run the same command again."
            )
        whole = self.journal.folder / f"whole{self.target.suffix}"
        if _is_zarr(self.target):
            _write_zarr(whole, self.journal, progress)
        else:
            _write_tiff(whole, self.journal, self.colours, progress)
        for written in [whole, *whole.rglob("*")]:
            fsync(written)
        if self.target.is_dir():  # killed after the next line, and come back
            shutil.rmtree(self.target)
        whole.replace(self.target)
        fsync(self.target.parent)

    def abandon(self) -> None:
        """Remove the rows so far."""
        shutil.rmtree(self.journal.folder, ignore_errors=True)


def open_writer(
    target: Path, extent: OutputShape, source: Path, mark: str = "", colours: Colors | None = None
) -> TiledWriter:
    """Begin an output, or go on with one of the same image, size and mark.

    Rows are kept in the folder `.NAME.partial` beside the target. Masks are written as uint8 with
    the colours as a palette; probabilities with the precision of float16, in a zarr array as such
    and in a TIFF as float32, which viewers read, each class a page.

    Args:
        target: a path in .tif, .tiff, .btf or .zarr.
        extent: its size.
        source: the image it is of.
        mark: of whatever else it depends on: the network, the margin, the batch.
        colours: of each class, red, green and blue from 0 to 255; for TIFF masks.

    Raises:
        InputError: another suffix, a target that exists already, or a folder beside it that
            belongs to something else; tifffile or zarr is not installed.
    """
    if target.suffix.lower() not in (*TIFFS, *ZARRS):
        raise InputError(
            f"{target} ends in {target.suffix or 'nothing'}; expected one of "
            f"{', '.join((*TIFFS, *ZARRS))}. Pass another --out."
        )
    _require_library("zarr" if _is_zarr(target) else "tifffile")
    folder = partial_folder(target)
    if target.exists() and not (folder / "record.json").exists():
        raise _exists(target)
    sink = TiledWriter(target, open_partial(folder, extent, source, mark), colours)
    if target.exists() and sink.journal.unfinished():
        raise _exists(target)
    return sink


def partial_folder(target: Path) -> Path:
    """The folder of an output that is under way."""
    return target.with_name(f".{target.name}.partial")


def _is_zarr(target: Path) -> bool:
    return target.suffix.lower() in ZARRS


def _exists(target: Path) -> InputError:
    return InputError(
        f"{target} exists already; expected a new path. Delete it, pass another --out, or --resume "
        "to leave finished outputs alone."
    )


def _require_library(name: str) -> Any:
    try:
        if name == "zarr":
            import zarr  # noqa: PLC0415

            return zarr
        import tifffile  # noqa: PLC0415

    except ImportError:
        raise InputError(
            f"writing this format needs {name}: pip install 'canon-nets[big]'"
        ) from None
    return tifffile


def _write_tiff(
    path: Path, rows: PartialOutput, colours: Colors | None, progress: Progress | None
) -> None:
    extent = rows.extent
    masks, many = extent.classes is None, extent.pages > 1
    kind = np.dtype("u1" if masks else "f4")
    shape = (extent.pages, extent.maps, extent.height, extent.width)
    sides = {"Q": many, "C": not masks, "Y": True, "X": True}
    palette = _palette(colours) if masks and colours else None
    large = math.prod(shape) * kind.itemsize > MAX_CLASSIC_BYTES
    with _require_library("tifffile").TiffWriter(path, bigtiff=large) as tif:
        tif.write(
            _tiles(rows, kind, progress),
            shape=tuple(n for n, there in zip(shape, sides.values(), strict=True) if there),
            dtype=kind,
            tile=(TILE_SIDE, TILE_SIDE),
            compression="zlib",
            compressionargs={"level": 3 if masks else 1},
            photometric="minisblack" if palette is None else "palette",
            colormap=palette,
            metadata={"axes": "".join(axis for axis, there in sides.items() if there)},
            maxworkers=os.cpu_count(),
            buffersize=2**24,  # bytes that wait to be compressed
        )


def _tiles(
    rows: PartialOutput, kind: np.dtype[Any], progress: Progress | None
) -> Iterator[NDArray[Any]]:
    for _, _, _, strip in rows.strips(TILE_SIDE, progress):
        for left in range(0, rows.extent.width, TILE_SIDE):
            yield strip[:, left : left + TILE_SIDE].astype(kind)


def _palette(colours: Colors) -> NDArray[np.uint16]:
    palette = np.zeros((3, 256), np.uint16)
    palette[:, : len(colours)] = np.array(colours, np.uint16).T * 257
    return palette


def _write_zarr(path: Path, rows: PartialOutput, progress: Progress | None) -> None:
    extent = rows.extent
    leading = (extent.pages,) if extent.classes is None else (extent.pages, extent.classes)
    shutil.rmtree(path, ignore_errors=True)  # of a process that was killed
    array = _require_library("zarr").create_array(
        str(path),
        shape=(*leading, extent.height, extent.width),
        chunks=(*(1 for _ in leading), TILE_SIDE, TILE_SIDE),
        dtype=extent.stored,
        fill_value=0,
        dimension_names=(*("page", "class")[: len(leading)], "y", "x"),
    )
    for page, number, top, strip in rows.strips(TILE_SIDE, progress):
        place = (page,) if extent.classes is None else (page, number)
        array[(*place, slice(top, top + len(strip)))] = strip
