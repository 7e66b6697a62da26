"""Predicting the class of every pixel: of pictures, stacks and images larger than the memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from canon.data.cache import written_aside
from canon.data.check import file_mark
from canon.data.dataset import Pixels
from canon.data.masks import IGNORE
from canon.deploy.planes import Plane, alike, opened
from canon.deploy.sinks import Extent, Sink, open_sink
from canon.errors import DataError, InputError, unknown
from canon.run.files import listed
from canon.run.folder import WEIGHTS, Run, open_run
from canon.run.mapper import Mapper, Watch, counted
from canon.run.overlays import colours, mask_picture

OVERVIEW = 2048  # pixels a side of the overlay of a larger image
STRIP = 512  # rows of pixels that are looked at together when a large image is finished
FORMS = ("png", "tif", "zarr")
STREAMED = (".tif", ".tiff", ".btf", ".zarr")


@dataclass(frozen=True)
class Wanted:
    """What to write of each image, as `predict_maps` was told."""

    out: Path
    form: str | None
    overlay: bool
    probabilities: bool
    resume: bool
    skip_bad: bool


@dataclass(frozen=True)
class Mapped:
    """What was made of one image.

    Args:
        path: the image.
        mask: the file of its classes, in the values of the masks that were trained on.
        pixels: of each class.
        faults: what could not be read and was left out.
        there: whether it was left alone, being there already.
    """

    path: Path
    mask: Path
    pixels: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    there: bool = False


def _mapped(mapper: Mapper, how: Wanted, path: Path, name: str, watch: Watch) -> Mapped:
    """Write what is asked for of one image.

    Raises:
        DataError: it, or a page of it, cannot be read, and is not to be left out.
        InputError: its mask is there already, or a PNG cannot hold it.
    """
    streamed = path.suffix.lower() in STREAMED or path.is_dir()
    own = "zarr" if path.is_dir() else "tif"
    form = how.form or (own if streamed else "png")
    mask = how.out / f"{name}.{form}"
    if mask.exists() and how.resume:
        return Mapped(path, mask, there=True)
    if form == "png" and mask.exists():
        raise InputError(
            f"{mask} exists already; expected a new folder. Pass another --out, or --resume to "
            "leave finished masks alone."
        )
    with opened(path) as planes:
        if form != "png":
            return _stack(mapper, how, path, planes, mask, watch)
        if len(planes) > 1:
            raise InputError(
                f"{path} has {len(planes)} pages, a PNG has one; expected tif or zarr. "
                "Pass --format tif."
            )
        return _picture(mapper, how, path, planes[0], mask, watch)


def _picture(
    mapper: Mapper, how: Wanted, path: Path, plane: Plane, mask: Path, watch: Watch
) -> Mapped:
    bands = [said for _, said in mapper.rows(plane, watch)]
    levels = np.concatenate([said[0] for said in bands])
    classes = mapper.classes(levels)
    if how.probabilities:
        shares = np.concatenate([said[1] for said in bands], 1)
        beside = mask.with_name(f"{mask.stem}-probabilities.npy")
        with written_aside(beside) as aside, aside.open("wb") as file:
            np.save(file, shares)
    if how.overlay:
        mapper.draw(_overlay(mask), _thinned(plane, 1), classes)
    with written_aside(mask) as aside:
        mask_picture(classes, mapper.values).save(aside, "PNG")
    return Mapped(path, mask, tuple(counted(levels)[mapper.levels].tolist()))


def _stack(
    mapper: Mapper, how: Wanted, path: Path, planes: list[Plane], mask: Path, watch: Watch
) -> Mapped:
    first = alike(planes, path)
    tiling = mapper.fitted(first)
    extent = Extent(
        len(planes), first.height, first.width, tiling.inner, void=_void(mapper.levels.tolist())
    )
    weights = mapper.run.path / WEIGHTS
    mark = f"{weights.resolve()} {file_mark(weights)} {tiling} batch {mapper.batch}"
    table = [(int(r), int(g), int(b)) for r, g, b in colours(len(mapper.levels))]
    sinks = [open_sink(mask, extent, path, mark, table if mapper.indexed else None)]
    if how.probabilities:
        beside = mask.with_name(f"{mask.stem}-probabilities{mask.suffix}")
        sinks.append(open_sink(beside, replace(extent, classes=len(mapper.levels)), path, mark))
    faults = _pages(mapper, how, planes, sinks, watch)
    if faults and not how.skip_bad:
        raise DataError(
            f"{faults[0]} The other {len(planes) - len(faults)} of {len(planes)} pages are kept: "
            "run it again with --skip-bad to leave this out and write them."
        )
    pixels = _finished(mapper, how, planes[0], sinks)
    return Mapped(path, mask, pixels, tuple(faults))


def _pages(
    mapper: Mapper, how: Wanted, planes: list[Plane], sinks: list[Sink], watch: Watch
) -> list[str]:
    """Write the rows of all pages; what could not be read."""
    faults = []
    for page, plane in enumerate(planes):
        first = min(sink.done(page) for sink in sinks)
        try:
            for top, said in mapper.rows(plane, watch, first, page, len(planes)):
                row = top // sinks[0].journal.extent.inner
                for sink, band in zip(sinks, said, strict=True):
                    if row >= sink.done(page):
                        sink.write(page, row, band)
        except DataError as reason:
            faults.append(str(reason))
            if how.skip_bad:
                for sink in sinks:
                    sink.leave_out(page)
    return faults


def _finished(mapper: Mapper, how: Wanted, plane: Plane, sinks: list[Sink]) -> tuple[int, ...]:
    """Put the outputs in place, with an overview of the first page; pixels of each class."""
    total = np.zeros(len(mapper.levels), np.int64)
    step = -(-max(plane.height, plane.width) // OVERVIEW)
    shown = []
    for page, _, top, strip in sinks[0].journal.strips(STRIP):
        total += counted(strip)[mapper.levels]
        if how.overlay and page == 0:
            shown.append(strip[-top % step :: step, ::step].copy())  # not a view of all of it
    if how.overlay:
        classes = mapper.classes(np.concatenate(shown))
        mapper.draw(_overlay(sinks[0].target), _thinned(plane, step), classes)
    for sink in sinks:
        sink.finish()
    return tuple(total.tolist())


def _void(levels: list[int]) -> int:
    """What stands for no class: 255 as in PASCAL VOC, or where that is a class, a middle grey."""
    return next(value for value in (IGNORE, 127, *range(IGNORE)) if value not in levels)


def _overlay(mask: Path) -> Path:
    return mask.with_name(f"{mask.stem}-overlay.png")


def _thinned(plane: Plane, step: int) -> Pixels:
    """Every so many-th pixel of an image, a strip at a time."""
    strips = []
    for top in range(0, plane.height, STRIP):
        rows = slice(top, min(top + STRIP, plane.height))
        strips.append(plane.read(rows, slice(0, plane.width))[-top % step :: step, ::step].copy())
    return np.concatenate(strips)


def predict_maps(
    run: Run | str | Path,
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    form: str | None = None,
    tile: int | None = None,
    overlay: bool = False,
    probabilities: bool = False,
    batch: int = 1,
    resume: bool = False,
    skip_bad: bool = False,
    device: str = "auto",
    watch: Watch = lambda _: None,
) -> Iterator[Mapped]:
    """Write what a run says of every pixel of files, and of all images below folders.

    Args:
        run: of a network that gives each pixel a class, or its folder.
        paths: files, zarr folders, and folders of images.
        out: the folder that masks are written to.
        form: `png`, `tif` or `zarr`; None takes PNG for pictures, and the image's own otherwise.
        tile: side of what is kept of a tile, in pixels; None takes what suits the network.
        overlay: write the image under the colours of its classes, too.
        probabilities: write those of all classes, too.
        batch: tiles at a time.
        resume: leave images alone whose masks are there. One that was begun is gone on with anyway.
        skip_bad: leave unreadable images and pages out, instead of stopping after the others.
        device: where to run.
        watch: told of each row of tiles.

    Raises:
        DataError: a path that does not exist, or an unreadable image, unless it may be skipped.
        InputError: masks that are there already, or a tile that does not fit the memory.
    """
    run = run if isinstance(run, Run) else open_run(run)
    how = Wanted(Path(out), form, overlay, probabilities, resume, skip_bad)
    _check(run, form, batch)
    files = listed(paths)
    mapper = Mapper(run, device, tile, batch, probabilities)
    how.out.mkdir(parents=True, exist_ok=True)
    for path, name in files:
        try:
            yield _mapped(mapper, how, path, name, watch)
        except DataError as reason:
            if not skip_bad:
                raise
            yield Mapped(path, path, faults=(str(reason),))


def _check(run: Run, form: str | None, batch: int) -> None:
    if run.values is None:
        raise InputError(
            f"{run.model} gives each image a class, not each pixel; expected a run of a network "
            "such as unet-same. Use canon.predict."
        )
    if batch < 1:
        raise InputError(f"--batch is {batch}; expected 1 or more. Pass --batch 1.")
    if form not in (None, *FORMS):
        raise unknown("form of masks", str(form), FORMS, "`canon predict --help`")
