"""Crash-safe store of the finished rows of an output.

Every row of tiles is one small file that is there completely or not at all; what the folder
belongs to is in its record. Whoever finds the same record goes on where the rows end.
"""

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from canon.errors import InputError
from canon.utils.files import atomic_write, fingerprint, fsync
from canon.utils.progress import Progress

# What a record says, and what a message calls it.
# fmt: off
FIELD_NAMES = {
    "source":  "image",
    "written": "version of the image",
    "pages":   "number of pages",
    "height":  "height",
    "width":   "width",
    "inner":   "tile",
    "classes": "kind of output",
    "void":    "value of pages left out",
    "mark":    "network or setting",
}
# fmt: on


@dataclass(frozen=True)
class OutputShape:
    """The size of an output.

    Args:
        pages: number of images.
        height: of each in pixels.
        width: likewise.
        inner: height of a row of tiles in pixels; the last may be lower.
        classes: K for (pages, K, height, width) probabilities; None for (pages, height, width)
            uint8 masks.
        void: what masks hold on a page that was left out; 255 as in PASCAL VOC.
    """

    pages: int
    height: int
    width: int
    inner: int
    classes: int | None = None
    void: int = 255

    @property
    def rows(self) -> int:
        """Rows of tiles on a page."""
        return -(-self.height // self.inner)

    @property
    def maps(self) -> int:
        """Maps that a page has: one of masks, or one for each class."""
        return self.classes or 1

    @property
    def stored(self) -> np.dtype[Any]:
        """The type that is kept: masks are uint8, probabilities float16."""
        return np.dtype("u1" if self.classes is None else "<f2")

    def row_shape(self, row: int) -> tuple[int, int, int]:
        """Maps, height and width of a row of tiles."""
        return self.maps, min(self.inner, self.height - row * self.inner), self.width


@dataclass(frozen=True)
class PartialOutput:
    """The rows of an output that are written, in a folder."""

    folder: Path
    extent: OutputShape

    def _row(self, page: int, row: int) -> Path:
        return self.folder / f"page{page:06d}-row{row:06d}.zip"

    def _left_out(self, page: int) -> Path:
        return self.folder / f"page{page:06d}.left-out"

    def done(self, page: int) -> int:
        """Rows of tiles of a page that are safe, counted from the first that is missing."""
        if self._left_out(page).exists():
            return self.extent.rows
        rows = range(self.extent.rows)
        return next((row for row in rows if not self._row(page, row).exists()), self.extent.rows)

    def write(self, page: int, row: int, band: NDArray[Any]) -> None:
        """Keep a row; when this returns it is on the disk, whatever happens then.

        Raises:
            InputError: the band has not the shape of that row, or is no such output.
        """
        shape = self.extent.row_shape(row)
        masks = self.extent.classes is None
        maps = band[None] if masks else band
        if maps.shape != shape or band.dtype.kind != ("u" if masks else "f"):
            raise InputError(
                f"row {row} of page {page + 1} is {band.dtype} of shape {band.shape}; expected "
                f"{'uint8' if masks else 'floats'} of shape {shape[masks:]}. Check the tiling."
            )
        with atomic_write(self._row(page, row)) as aside:
            with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for number, one in enumerate(maps):
                    stored = np.ascontiguousarray(one, self.extent.stored)  # no copy if it is
                    archive.writestr(str(number), stored.data.cast("B"))
            fsync(aside)

    def leave_out(self, page: int) -> None:
        """Say that a page cannot be computed; it is written as void."""
        self._left_out(page).touch()

    def unfinished(self) -> str | None:
        """What is missing for the output to be whole, in words, or None."""
        for page in range(self.extent.pages):
            done = self.done(page)
            if done < self.extent.rows:
                return f"page {page + 1} has {done} of {self.extent.rows} rows of tiles"
        return None

    def strips(
        self, height: int, progress: Progress | None = None
    ) -> Iterator[tuple[int, int, int, NDArray[Any]]]:
        """The whole output in strips of `height` pixels, page by page and map by map.

        Args:
            height: of a strip; the last of a map may be lower.
            progress: wraps the files that are read, given how many there are.

        Yields:
            Page, map, first pixel row and pixels, (h, width) as stored, good until the next.
        """
        rows = range(self.extent.rows)
        each = [(p, m) for p in range(self.extent.pages) for m in range(self.extent.maps)]
        files = [self._row(page, row) for page, _ in each for row in rows]
        read = iter(progress(files, len(files)) if progress else files)
        # One buffer for all: large images leave no trail of freed memory behind.
        strip = np.empty((height, self.extent.width), self.extent.stored)
        for page, number in each:
            filled = top = 0
            for row in rows:
                with self._opened(next(read), page, number) as file:
                    left = self.extent.row_shape(row)[1]
                    while left:
                        some = min(left, height - filled)
                        self._fill(strip[filled : filled + some], file)
                        left, filled = left - some, filled + some
                        if filled == height:
                            yield page, number, top, strip
                            top, filled = top + height, 0
            if filled:
                yield page, number, top, strip[:filled]

    @contextmanager
    def _opened(self, file: Path, page: int, number: int) -> Iterator[IO[bytes] | None]:
        """A map of a row as a file, or None on a page that was left out."""
        if self._left_out(page).exists():
            yield None
            return
        with zipfile.ZipFile(file) as archive, archive.open(str(number)) as inside:
            yield inside

    def _fill(self, part: NDArray[Any], file: IO[bytes] | None) -> None:
        if file is None:
            part[...] = self.extent.void if self.extent.classes is None else np.nan
            return
        for pixels in part:
            pixels[...] = np.frombuffer(file.read(pixels.nbytes), self.extent.stored)


def open_partial(folder: Path, extent: OutputShape, source: Path, mark: str) -> PartialOutput:
    """The journal in a folder, begun or gone on with.

    Raises:
        InputError: the folder belongs to another output; the message names what differs.
    """
    record = {"source": str(source.resolve()), "written": _version(source), "mark": mark}
    record |= asdict(extent)
    try:
        before = json.loads((folder / "record.json").read_text())
    except (OSError, ValueError):  # nothing is kept before there is a record
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with atomic_write(folder / "record.json") as aside:
            aside.write_text(json.dumps(record, indent=1))
        return PartialOutput(folder, extent)
    for key, called in FIELD_NAMES.items():
        if before.get(key) != record[key]:
            raise InputError(
                f"{folder} is of another {called} ({before.get(key)}, now {record[key]}); expected "
                "the same to go on. Delete that folder to begin again, or pass another --out."
            )
    return PartialOutput(folder, extent)


def _version(source: Path) -> str:
    """What changes when a file does, or the description of a zarr array or group."""
    described = [source / name for name in ("zarr.json", ".zarray", ".zattrs", ".zgroup")]
    return fingerprint(next((file for file in described if file.exists()), source))
