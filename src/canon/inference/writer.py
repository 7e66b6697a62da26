"""Write masks and probabilities as tiled TIFF or zarr, atomically."""

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

TILE_SIDE = 512  # pixels: tiles of a TIFF, chunks of a zarr array
MAX_CLASSIC_BYTES = 2**32 - 2**25  # larger files are BigTIFF
TIFFS, ZARRS = (".tif", ".tiff", ".btf"), (".zarr",)
Colors = Sequence[tuple[int, int, int]]


@dataclass(frozen=True)
class TiledWriter:
    """An output in progress: rows of tiles are stored in a folder until all are finished.

    Args:
        target: the file, or for zarr the folder, that `finish` creates.
        partial: the finished rows.
        colors: RGB of each class, 0 to 255; the palette of TIFF masks.
    """

    target: Path
    partial: PartialOutput
    colors: Colors | None = None

    def done(self, page: int) -> int:
        """Number of finished rows of a page, which is the row to write next."""
        return self.partial.done(page)

    def write(self, page: int, row: int, band: NDArray[Any]) -> None:
        """Store a row of tiles; it is synced to the disk when this returns.

        Args:
            page: index of the page.
            row: index of the row of tiles.
            band: (h, width) uint8 classes, or (K, h, width) probabilities of any float type.

        Raises:
            InputError: the band has the wrong shape or type.
        """
        self.partial.write(page, row, band)

    def skip(self, page: int) -> None:
        """Skip a page: its masks get the fill value, its probabilities NaN."""
        self.partial.skip(page)

    def finish(self, progress: Progress | None = None) -> Path:
        """Place the output and remove the finished rows; `progress` as in `place`."""
        self.place(progress)
        self.abandon()
        return self.target

    def place(self, progress: Progress | None = None) -> None:
        """Write the output and rename it to the target, replacing an earlier one.

        Args:
            progress: wraps the row files while they are read; also takes their number.

        Raises:
            InputError: rows are missing.
        """
        missing = self.partial.unfinished()
        if missing:
            raise InputError(
                f"{self.target} is incomplete: {missing}; expected all rows. Resume with the same "
                "command."
            )
        temporary = self.partial.folder / f"whole{self.target.suffix}"
        if _is_zarr(self.target):
            _write_zarr(temporary, self.partial, progress)
        else:
            _write_tiff(temporary, self.partial, self.colors, progress)
        for written in [temporary, *temporary.rglob("*")]:
            fsync(written)
        if self.target.is_dir():  # a process was killed after the next line
            shutil.rmtree(self.target)
        temporary.replace(self.target)
        fsync(self.target.parent)

    def abandon(self) -> None:
        """Remove the finished rows."""
        shutil.rmtree(self.partial.folder, ignore_errors=True)


def open_writer(
    target: Path,
    shape: OutputShape,
    source: Path,
    fingerprint: str = "",
    colors: Colors | None = None,
) -> TiledWriter:
    """Start an output, or resume one of the same image, shape and fingerprint.

    Finished rows are stored in the folder `.NAME.partial`, next to the target. Masks are written as
    uint8, with the colours as a palette. Probabilities have the precision of float16. A zarr array
    stores them as float16, a TIFF as float32 for its viewers, one page per class.

    Args:
        target: a path in .tif, .tiff, .btf or .zarr.
        shape: of the output.
        source: the image that is predicted.
        fingerprint: text of all else that the output depends on: the network, margin and batch.
        colors: RGB of each class, 0 to 255; the palette of TIFF masks.

    Raises:
        InputError: the suffix is unknown, the target exists, the folder of rows belongs to a
            different output, or tifffile or zarr is not installed.
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
    writer = TiledWriter(target, open_partial(folder, shape, source, fingerprint), colors)
    if target.exists() and writer.partial.unfinished():
        raise _exists(target)
    return writer


def partial_folder(target: Path) -> Path:
    """The folder of the finished rows of an output."""
    return target.with_name(f".{target.name}.partial")


def _is_zarr(target: Path) -> bool:
    return target.suffix.lower() in ZARRS


def _exists(target: Path) -> InputError:
    return InputError(
        f"{target} exists already; expected a new path. Delete it, pass another --out, or pass "
        "--resume to skip finished outputs."
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
    path: Path, rows: PartialOutput, colors: Colors | None, progress: Progress | None
) -> None:
    shape = rows.shape
    masks, many = shape.classes is None, shape.pages > 1
    kind = np.dtype("u1" if masks else "f4")
    full = (shape.pages, shape.maps, shape.height, shape.width)
    sides = {"Q": many, "C": not masks, "Y": True, "X": True}
    palette = _palette(colors) if masks and colors else None
    large = math.prod(full) * kind.itemsize > MAX_CLASSIC_BYTES
    with _require_library("tifffile").TiffWriter(path, bigtiff=large) as tif:
        tif.write(
            _tiff_tiles(rows, kind, progress),
            shape=tuple(n for n, present in zip(full, sides.values(), strict=True) if present),
            dtype=kind,
            tile=(TILE_SIDE, TILE_SIDE),
            compression="zlib",
            compressionargs={"level": 3 if masks else 1},
            photometric="minisblack" if palette is None else "palette",
            colormap=palette,
            metadata={"axes": "".join(axis for axis, present in sides.items() if present)},
            maxworkers=os.cpu_count(),
            buffersize=2**24,  # bytes
        )


def _tiff_tiles(
    rows: PartialOutput, kind: np.dtype[Any], progress: Progress | None
) -> Iterator[NDArray[Any]]:
    for _, _, _, strip in rows.strips(TILE_SIDE, progress):
        for left in range(0, rows.shape.width, TILE_SIDE):
            yield strip[:, left : left + TILE_SIDE].astype(kind)


def _palette(colors: Colors) -> NDArray[np.uint16]:
    palette = np.zeros((3, 256), np.uint16)
    palette[:, : len(colors)] = np.array(colors, np.uint16).T * 257
    return palette


def _write_zarr(path: Path, rows: PartialOutput, progress: Progress | None) -> None:
    shape = rows.shape
    leading = (shape.pages,) if shape.classes is None else (shape.pages, shape.classes)
    shutil.rmtree(path, ignore_errors=True)  # left by a process that was killed
    array = _require_library("zarr").create_array(
        str(path),
        shape=(*leading, shape.height, shape.width),
        chunks=(*(1 for _ in leading), TILE_SIDE, TILE_SIDE),
        dtype=shape.stored,
        fill_value=0,
        dimension_names=(*("page", "class")[: len(leading)], "y", "x"),
    )
    for page, number, top, strip in rows.strips(TILE_SIDE, progress):
        index = (page,) if shape.classes is None else (page, number)
        array[(*index, slice(top, top + len(strip)))] = strip
