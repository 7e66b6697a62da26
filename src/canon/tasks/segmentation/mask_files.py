"""Write the prediction of one image: a picture, or a stack row by row of tiles."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from canon.data.images.open import open_image, require_same_format
from canon.data.images.region import RegionReader
from canon.data.types import IGNORE, Pixels
from canon.errors import DataError, InputError
from canon.inference.partial import OutputShape
from canon.inference.writer import TiledWriter, open_writer, partial_folder
from canon.tasks.base import PredictOptions
from canon.tasks.segmentation.mask_predictor import MaskPredictor, count_values
from canon.tasks.segmentation.overlay import class_colors, mask_picture
from canon.utils.files import atomic_write
from canon.utils.progress import Watch

OVERVIEW = 2048  # pixels per side of the overlay of a larger image
STRIP = 512  # rows of pixels that are looked at together when a large image is finished
STREAMED = (".tif", ".tiff", ".btf", ".zarr")


@dataclass(frozen=True)
class MaskPrediction:
    """The mask written for one image.

    Args:
        path: the image.
        mask: the file of its classes, in the values of the training masks, or class indices where
            those are colours or do not fit a byte; None if the image could not be read.
        pixels: of each class; empty if the mask was there already.
        faults: what could not be read and was left out.
    """

    path: Path
    mask: Path | None
    pixels: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()

    def row(self) -> tuple[Any, ...]:
        """Image, mask, and the share of each class."""
        total = sum(self.pixels)
        return str(self.path), self.mask and str(self.mask), *(n / total for n in self.pixels)

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        mask = self.mask and str(self.mask)
        return {"image": str(self.path), "mask": mask, "pixels": self.pixels, "faults": self.faults}


def write_masks(
    predictor: MaskPredictor, out: Path, options: PredictOptions, path: Path, name: str,
    watch: Watch,
) -> MaskPrediction:  # fmt: skip
    """Predict one image and write its mask.

    Args:
        predictor: of the mask.
        out: the folder that masks are written to.
        options: what to write.
        path: the image.
        name: of the mask, without a suffix.
        watch: called after each row of tiles.

    Raises:
        DataError: the image or a page of it cannot be read, and is not to be left out.
        InputError: its mask exists already, or a PNG cannot hold it.
    """
    streamed = path.suffix.lower() in STREAMED or path.is_dir()
    own = "zarr" if path.is_dir() else "tif"
    form = options.format or (own if streamed else "png")
    mask = out / f"{name}.{form}"
    targets = [mask]
    if options.probabilities:
        suffix = ".npy" if form == "png" else mask.suffix
        targets.append(_sibling(mask, "probabilities", suffix))
    started = [partial_folder(target) for target in targets if partial_folder(target).exists()]
    drawn = not options.overlay or _sibling(mask, "overlay", ".png").exists()
    finished = all(target.exists() for target in targets) and drawn
    if finished and (options.resume or started):
        for folder in started:  # killed between placing the outputs and removing the folders
            shutil.rmtree(folder)
        return MaskPrediction(path, mask)
    if mask.exists() and not started:
        raise InputError(
            f"{mask} exists already; expected a new folder. Pass another --out, or --resume to "
            "skip finished masks."
        )
    with open_image(path) as readers:
        _require_bits(predictor, path, readers)
        if form != "png":
            return _stack(predictor, options, path, readers, targets, watch)
        if len(readers) > 1:
            raise InputError(
                f"{path} has {len(readers)} pages, a PNG has one; expected tif or zarr. "
                "Pass --format tif."
            )
        return _picture(predictor, options, path, readers[0], mask, watch)


def _require_bits(predictor: MaskPredictor, path: Path, readers: list[RegionReader]) -> None:
    """Refuse 16-bit grey images for a network trained on 8 bits.

    Raises:
        DataError: the image has more bits.
    """
    deep = any(reader.bits == 16 and reader.channels == 1 for reader in readers)
    if deep and predictor.model.preprocessing.bits == 8:
        raise DataError(
            f"{path} has 16 bits, the network was trained on 8; expected 8. Convert it to 8 bits "
            "with an explicit value range."
        )


def _picture(
    predictor: MaskPredictor, options: PredictOptions, path: Path, reader: RegionReader,
    mask: Path, watch: Watch,
) -> MaskPrediction:  # fmt: skip
    rows = [row for _, row in predictor.rows(reader, watch)]
    values = np.concatenate([row[0] for row in rows])
    classes = predictor.classes(values)
    if options.probabilities:
        probabilities = np.concatenate([row[1] for row in rows], 1)
        target = _sibling(mask, "probabilities", ".npy")
        with atomic_write(target) as temporary, temporary.open("wb") as file:
            np.save(file, probabilities)
    if options.overlay:
        predictor.draw(_sibling(mask, "overlay", ".png"), _subsample(reader, 1), classes)
    with atomic_write(mask) as temporary:
        mask_picture(classes, predictor.codes).save(temporary, "PNG")
    return MaskPrediction(path, mask, tuple(count_values(values)[predictor.values].tolist()))


def _stack(
    predictor: MaskPredictor, options: PredictOptions, path: Path, readers: list[RegionReader],
    targets: list[Path], watch: Watch,
) -> MaskPrediction:  # fmt: skip
    writers = _open_writers(predictor, path, readers, targets)
    faults = _write_pages(predictor, readers, writers, watch)
    if len(faults) == len(readers):
        for writer in writers:
            writer.abandon()
        raise DataError(next(iter(faults.values())))
    if faults and not options.skip_bad:
        raise DataError(
            f"{next(iter(faults.values()))} The other {len(readers) - len(faults)} of "
            f"{len(readers)} pages are saved: run the same command with --skip-bad to write them."
        )
    for page in faults:
        for writer in writers:
            writer.skip(page)
    shown = next(page for page in range(len(readers)) if page not in faults)
    pixels = _finish(predictor, readers[shown], shown if options.overlay else None, writers)
    return MaskPrediction(path, targets[0], pixels, tuple(faults.values()))


def _open_writers(
    predictor: MaskPredictor, path: Path, readers: list[RegionReader], targets: list[Path]
) -> list[TiledWriter]:
    """A writer of masks and, with a second target, one of probabilities."""
    first, count = require_same_format(readers, path), len(predictor.values)
    tiling = predictor.fitted(first)
    size = len(readers), first.height, first.width, tiling.tile * predictor.factor
    shape = OutputShape(*size, fill_value=_fill_value(predictor.values.tolist()))
    version = f"{predictor.model.fingerprint} {tiling} batch {predictor.batch}"
    codes = predictor.codes
    colors = codes.values if codes.colors else class_colors(count).tolist()
    palette = [(int(r), int(g), int(b)) for r, g, b in cast(list[tuple[int, int, int]], colors)]
    masks = open_writer(targets[0], shape, path, version, palette if predictor.indexed else None)
    shape = replace(shape, classes=count)
    return [masks, *(open_writer(target, shape, path, version) for target in targets[1:])]


def _write_pages(
    predictor: MaskPredictor, readers: list[RegionReader], writers: list[TiledWriter], watch: Watch
) -> dict[int, str]:
    """Write the rows of all pages; return the pages that cannot be read, with the reason."""
    faults = {}
    for page, reader in enumerate(readers):
        first = min(writer.done(page) for writer in writers)
        try:
            for top, masks in predictor.rows(reader, watch, first, page, len(readers)):
                row = top // writers[0].partial.shape.row_height
                for writer, pixels in zip(writers, masks, strict=True):
                    if row >= writer.done(page):
                        writer.write(page, row, pixels)
        except DataError as reason:
            faults[page] = str(reason)
    return faults


def _finish(
    predictor: MaskPredictor, reader: RegionReader, shown: int | None, writers: list[TiledWriter]
) -> tuple[int, ...]:
    """Place the outputs, with an overview of one page; return the pixels of each class."""
    total = np.zeros(len(predictor.values), np.int64)
    step = -(-max(reader.height, reader.width) // OVERVIEW)
    thin = []
    for page, _, top, strip in writers[0].partial.strips(STRIP):
        total += count_values(strip)[predictor.values]
        if page == shown:
            thin.append(strip[-top % step :: step, ::step].copy())  # not a view of all of it
    if thin:
        path = _sibling(writers[0].target, "overlay", ".png")
        predictor.draw(path, _subsample(reader, step), predictor.classes(np.concatenate(thin)))
    for writer in writers:
        writer.place()
    for writer in writers:  # when all are in place: a kill before loses nothing
        writer.abandon()
    return tuple(total.tolist())


def _fill_value(values: list[int]) -> int:
    """Fill value of skipped pages: 255 as in PASCAL VOC, or 127 if 255 is a class."""
    return next(value for value in (IGNORE, 127, *range(IGNORE)) if value not in values)


def _sibling(mask: Path, what: str, suffix: str) -> Path:
    return mask.with_name(f"{mask.stem}-{what}{suffix}")


def _subsample(reader: RegionReader, step: int) -> Pixels:
    """Every n-th pixel of an image, read in strips."""
    strips = []
    for top in range(0, reader.height, STRIP):
        rows = slice(top, min(top + STRIP, reader.height))
        strip = reader.read(rows, slice(0, reader.width))
        strips.append(strip[-top % step :: step, ::step].copy())
    return np.concatenate(strips)
