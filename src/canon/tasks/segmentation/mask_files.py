"""Write the prediction of one image: a picture, or a stack row by row of tiles."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from canon.data.images.open import open_image, require_same_format
from canon.data.images.region import RegionReader
from canon.data.types import IGNORE, Pixels
from canon.errors import DataError, InputError
from canon.inference.partial import OutputShape
from canon.inference.writer import TiledWriter, open_writer, partial_folder
from canon.runs.folder import WEIGHTS
from canon.tasks.segmentation.mask_predictor import MaskPredictor, count_values
from canon.tasks.segmentation.overlay import class_colors, mask_picture
from canon.utils.files import atomic_write, fingerprint
from canon.utils.progress import Watch

OVERVIEW = 2048  # pixels a side of the overlay of a larger image
STRIP = 512  # rows of pixels that are looked at together when a large image is finished
STREAMED = (".tif", ".tiff", ".btf", ".zarr")


@dataclass(frozen=True)
class OutputOptions:
    """What to write of each image, as `predict_maps` was told."""

    out: Path
    form: str | None
    overlay: bool
    probabilities: bool
    resume: bool
    skip_bad: bool


@dataclass(frozen=True)
class MaskPrediction:
    """What was made of one image.

    Args:
        path: the image.
        mask: the file of its classes, in the values of the masks that were trained on, or indices
            where those are colours or do not fit a byte; None if the image could not be read.
        pixels: of each class.
        faults: what could not be read and was left out.
        there: whether it was left alone, being there already.
    """

    path: Path
    mask: Path | None
    pixels: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    there: bool = False


def write_masks(
    mapper: MaskPredictor, how: OutputOptions, path: Path, name: str, watch: Watch
) -> MaskPrediction:
    """Write what is asked for of one image.

    Raises:
        DataError: it, or a page of it, cannot be read, and is not to be left out.
        InputError: its mask is there already, or a PNG cannot hold it.
    """
    streamed = path.suffix.lower() in STREAMED or path.is_dir()
    own = "zarr" if path.is_dir() else "tif"
    form = how.form or (own if streamed else "png")
    mask = how.out / f"{name}.{form}"
    shares = ".npy" if form == "png" else mask.suffix
    targets = [mask, _sibling(mask, "probabilities", shares)][: 1 + how.probabilities]
    begun = [partial_folder(target) for target in targets if partial_folder(target).exists()]
    drawn = not how.overlay or _sibling(mask, "overlay", ".png").exists()
    if all(target.exists() for target in targets) and drawn and (how.resume or begun):
        for folder in begun:  # stopped between putting the outputs in place and tidying up
            shutil.rmtree(folder)
        return MaskPrediction(path, mask, there=True)
    if mask.exists() and not begun:
        raise InputError(
            f"{mask} exists already; expected a new folder. Pass another --out, or --resume to "
            "leave finished masks alone."
        )
    with open_image(path) as planes:
        _check_bits(mapper, path, planes)
        if form != "png":
            return _stack(mapper, how, path, planes, targets, watch)
        if len(planes) > 1:
            raise InputError(
                f"{path} has {len(planes)} pages, a PNG has one; expected tif or zarr. "
                "Pass --format tif."
            )
        return _picture(mapper, how, path, planes[0], mask, watch)


def _check_bits(mapper: MaskPredictor, path: Path, planes: list[RegionReader]) -> None:
    """Refuse grey of 16 bits where 8 were trained on; colour of 16 loses the lower, as in training.

    Raises:
        DataError: the image has more bits.
    """
    deep = any(plane.bits == 16 and plane.channels == 1 for plane in planes)
    if deep and mapper.run.preprocessing.bits == 8:
        raise DataError(
            f"{path} has 16 bits, the network was trained on 8; expected 8. Convert the image, "
            "saying which value is white."
        )


def _picture(
    mapper: MaskPredictor,
    how: OutputOptions,
    path: Path,
    plane: RegionReader,
    mask: Path,
    watch: Watch,
) -> MaskPrediction:
    bands = [said for _, said in mapper.rows(plane, watch)]
    levels = np.concatenate([said[0] for said in bands])
    classes = mapper.classes(levels)
    if how.probabilities:
        shares = np.concatenate([said[1] for said in bands], 1)
        beside = _sibling(mask, "probabilities", ".npy")
        with atomic_write(beside) as aside, aside.open("wb") as file:
            np.save(file, shares)
    if how.overlay:
        mapper.draw(_sibling(mask, "overlay", ".png"), _subsample(plane, 1), classes)
    with atomic_write(mask) as aside:
        mask_picture(classes, mapper.values).save(aside, "PNG")
    return MaskPrediction(path, mask, tuple(count_values(levels)[mapper.levels].tolist()))


def _stack(
    mapper: MaskPredictor,
    how: OutputOptions,
    path: Path,
    planes: list[RegionReader],
    targets: list[Path],
    watch: Watch,
) -> MaskPrediction:
    first = require_same_format(planes, path)
    tiling = mapper.fitted(first)
    extent = OutputShape(
        len(planes),
        first.height,
        first.width,
        tiling.inner,
        void=_fill_value(mapper.levels.tolist()),
    )
    weights = mapper.run.path / WEIGHTS
    mark = f"{weights.resolve()} {fingerprint(weights)} {tiling} batch {mapper.batch}"
    own = (
        mapper.values.values if mapper.values.colours else class_colors(len(mapper.levels)).tolist()
    )
    table = [(int(r), int(g), int(b)) for r, g, b in cast(list[tuple[int, int, int]], own)]
    sinks = [open_writer(targets[0], extent, path, mark, table if mapper.indexed else None)]
    for target in targets[1:]:
        sinks.append(open_writer(target, replace(extent, classes=len(mapper.levels)), path, mark))
    faults = _pages(mapper, planes, sinks, watch)
    if len(faults) == len(planes):
        for sink in sinks:
            sink.abandon()
        raise DataError(next(iter(faults.values())))
    if faults and not how.skip_bad:
        raise DataError(
            f"{next(iter(faults.values()))} The other {len(planes) - len(faults)} of {len(planes)} "
            "pages are kept: run it again with --skip-bad to leave this out and write them."
        )
    for page in faults:
        for sink in sinks:
            sink.leave_out(page)
    shown = next(page for page in range(len(planes)) if page not in faults)
    pixels = _finish(mapper, planes[shown], shown if how.overlay else None, sinks)
    return MaskPrediction(path, targets[0], pixels, tuple(faults.values()))


def _pages(
    mapper: MaskPredictor, planes: list[RegionReader], sinks: list[TiledWriter], watch: Watch
) -> dict[int, str]:
    """Write the rows of all pages; those that could not be read, and why."""
    faults = {}
    for page, plane in enumerate(planes):
        first = min(sink.done(page) for sink in sinks)
        try:
            for top, said in mapper.rows(plane, watch, first, page, len(planes)):
                row = top // sinks[0].journal.extent.inner
                for sink, band in zip(sinks, said, strict=True):
                    if row >= sink.done(page):
                        sink.write(page, row, band)
        except DataError as reason:
            faults[page] = str(reason)
    return faults


def _finish(
    mapper: MaskPredictor, plane: RegionReader, shown: int | None, sinks: list[TiledWriter]
) -> tuple[int, ...]:
    """Put the outputs in place, with an overview of one page; pixels of each class."""
    total = np.zeros(len(mapper.levels), np.int64)
    step = -(-max(plane.height, plane.width) // OVERVIEW)
    thin = []
    for page, _, top, strip in sinks[0].journal.strips(STRIP):
        total += count_values(strip)[mapper.levels]
        if page == shown:
            thin.append(strip[-top % step :: step, ::step].copy())  # not a view of all of it
    if thin:
        path = _sibling(sinks[0].target, "overlay", ".png")
        mapper.draw(path, _subsample(plane, step), mapper.classes(np.concatenate(thin)))
    for sink in sinks:
        sink.place()
    for sink in sinks:  # when all are in place: a stop before loses nothing
        sink.abandon()
    return tuple(total.tolist())


def _fill_value(levels: list[int]) -> int:
    """What stands for no class: 255 as in PASCAL VOC, or where that is a class, a middle grey."""
    return next(value for value in (IGNORE, 127, *range(IGNORE)) if value not in levels)


def _sibling(mask: Path, what: str, suffix: str) -> Path:
    return mask.with_name(f"{mask.stem}-{what}{suffix}")


def _subsample(plane: RegionReader, step: int) -> Pixels:
    """Every so many-th pixel of an image, a strip at a time."""
    strips = []
    for top in range(0, plane.height, STRIP):
        rows = slice(top, min(top + STRIP, plane.height))
        strips.append(plane.read(rows, slice(0, plane.width))[-top % step :: step, ::step].copy())
    return np.concatenate(strips)
