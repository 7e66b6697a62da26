"""Crash-safe store of the finished rows of an output.

Each row of tiles is one small file, written atomically. The folder's record names the image, the
shape and the network of the output. A process that finds the same record resumes there.
"""

import json
import shutil
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.errors import InputError
from canon.utils.files import atomic_write, fingerprint, fsync
from canon.utils.progress import Progress

# The keys of a record, and their names in messages.
# fmt: off
FIELD_NAMES = {
    "source":      "image",
    "written":     "version of the image",
    "pages":       "number of pages",
    "height":      "height",
    "width":       "width",
    "row_height":  "tile",
    "classes":     "kind",
    "fill_value":  "value of skipped pages",
    "fingerprint": "network or setting",
}
# fmt: on


@dataclass(frozen=True)
class OutputShape:
    """The shape of an output.

    Args:
        pages: number of images.
        height: of each image in pixels.
        width: of each image in pixels.
        row_height: height of a row of tiles in pixels; the last row may be lower.
        classes: K for (pages, K, height, width) probabilities; None for (pages, height, width)
            uint8 masks.
        fill_value: value of skipped pages in masks; 255 as in PASCAL VOC.
    """

    pages: int
    height: int
    width: int
    row_height: int
    classes: int | None = None
    fill_value: int = 255

    @property
    def rows(self) -> int:
        """Rows of tiles on a page."""
        return -(-self.height // self.row_height)

    @property
    def maps(self) -> int:
        """Maps per page: one for masks, K for probabilities."""
        return self.classes or 1

    @property
    def stored(self) -> np.dtype[Any]:
        """Stored type: uint8 for masks, float16 for probabilities."""
        return np.dtype("u1" if self.classes is None else "<f2")

    def row_shape(self, row: int) -> tuple[int, int, int]:
        """Maps, height and width of a row of tiles."""
        return self.maps, min(self.row_height, self.height - row * self.row_height), self.width


@dataclass(frozen=True)
class PartialOutput:
    """The finished rows of an output, in a folder."""

    folder: Path
    shape: OutputShape

    def _row(self, page: int, row: int) -> Path:
        return self.folder / f"page{page:06d}-row{row:06d}.zip"

    def _skipped(self, page: int) -> Path:
        return self.folder / f"page{page:06d}.left-out"

    def done(self, page: int) -> int:
        """Number of leading rows of a page that are on the disk."""
        if self._skipped(page).exists():
            return self.shape.rows
        rows = range(self.shape.rows)
        return next((row for row in rows if not self._row(page, row).exists()), self.shape.rows)

    def write(self, page: int, row: int, band: NDArray[Any]) -> None:
        """Store a row; it is synced to the disk when this returns.

        Raises:
            InputError: the band has the wrong shape or type.
        """
        shape = self.shape.row_shape(row)
        masks = self.shape.classes is None
        maps = band[None] if masks else band
        if maps.shape != shape or band.dtype.kind != ("u" if masks else "f"):
            raise InputError(
                f"row {row} of page {page + 1} is {band.dtype} of shape {band.shape}; expected "
                f"{'uint8' if masks else 'floats'} of shape {shape[1:] if masks else shape}. "
                "Check the tiling."
            )
        with atomic_write(self._row(page, row)) as temporary:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for number, pixels in enumerate(maps):
                    stored = np.ascontiguousarray(pixels, self.shape.stored)  # a view if possible
                    archive.writestr(str(number), stored.data.cast("B"))
            fsync(temporary)

    def skip(self, page: int) -> None:
        """Mark a page as skipped; it is written as the fill value."""
        self._skipped(page).touch()

    def unfinished(self) -> str | None:
        """The first page with missing rows as text, or None."""
        for page in range(self.shape.pages):
            done = self.done(page)
            if done < self.shape.rows:
                return f"page {page + 1} has {done} of {self.shape.rows} rows of tiles"
        return None

    def strips(
        self, height: int, progress: Progress | None = None
    ) -> Iterator[tuple[int, int, int, NDArray[Any]]]:
        """The output in strips of `height` pixels, page by page and map by map.

        Args:
            height: of a strip; the last strip of a map may be lower.
            progress: wraps the row files while they are read; also takes their number.

        Yields:
            Page, map, first pixel row, and pixels (h, width) as stored. The pixels are overwritten
            by the next strip.
        """
        rows = range(self.shape.rows)
        each = [(p, m) for p in range(self.shape.pages) for m in range(self.shape.maps)]
        files = [self._row(page, row) for page, _ in each for row in rows]
        reading = iter(progress(files, len(files)) if progress else files)
        # One buffer for all strips: a new one for each would fragment the memory of large images.
        strip = np.empty((height, self.shape.width), self.shape.stored)
        for page, number in each:
            with closing(self._pixel_rows(page, number, reading)) as pixel_rows:
                for top in range(0, self.shape.height, height):
                    filled = strip[: min(height, self.shape.height - top)]
                    for line, pixels in zip(filled, pixel_rows, strict=False):
                        line[...] = pixels
                    yield page, number, top, filled

    def _pixel_rows(
        self, page: int, number: int, files: Iterator[Path]
    ) -> Generator[NDArray[Any], None, None]:
        """One map of a page, a row of pixels at a time."""
        skipped = self._skipped(page).exists()
        value = self.shape.fill_value if self.shape.classes is None else np.nan
        empty = np.full(self.shape.width, value, self.shape.stored)
        for row in range(self.shape.rows):
            file, count = next(files), self.shape.row_shape(row)[1]
            if skipped:
                yield from repeat(empty, count)
                continue
            with zipfile.ZipFile(file) as archive, archive.open(str(number)) as band:
                for _ in range(count):
                    yield np.frombuffer(band.read(empty.nbytes), self.shape.stored)


def open_partial(folder: Path, shape: OutputShape, source: Path, fingerprint: str) -> PartialOutput:
    """Create a partial output, or resume the one in the folder.

    Raises:
        InputError: the folder belongs to another output; the message names the first difference.
    """
    record = {"source": str(source.resolve()), "written": _version(source),
              "fingerprint": fingerprint, **asdict(shape)}  # fmt: skip
    try:
        before = json.loads((folder / "record.json").read_text())
    except (OSError, ValueError):  # rows without a record cannot be trusted
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with atomic_write(folder / "record.json") as temporary:
            temporary.write_text(json.dumps(record, indent=1))
        return PartialOutput(folder, shape)
    _require_same(folder, before, record)
    return PartialOutput(folder, shape)


def _require_same(folder: Path, before: dict[str, Any], record: dict[str, Any]) -> None:
    advice = "Delete it to start over, or pass another --out."
    if before.keys() != record.keys():
        raise InputError(
            f"{folder} was begun by another version of Canon, whose record has other fields; "
            f"expected one of this version. {advice}"
        )
    for key, name in FIELD_NAMES.items():
        if before[key] != record[key]:
            was, now = _shown(key, before[key]), _shown(key, record[key])
            raise InputError(
                f"{folder} belongs to a different output ({name}: {was}, now {now}). {advice}"
            )


def _shown(key: str, value: Any) -> str:
    if key != "classes":
        return str(value)
    return "masks" if value is None else f"probabilities of {value} classes"


def _version(source: Path) -> str:
    """Fingerprint of a file, or of the metadata of a zarr array or group."""
    metadata = [source / name for name in ("zarr.json", ".zarray", ".zattrs", ".zgroup")]
    return fingerprint(next((file for file in metadata if file.exists()), source))
