"""TIFF files as region readers: which pages they have, and which can be read."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from canon.data.images.blocks import BlockCache
from canon.data.images.region import RegionReader, UnreadableReader, unreadable_error
from canon.data.images.tiff_page import Page, page_readers
from canon.errors import InputError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SLIDES = ("is_svs", "is_ndpi", "is_scn", "is_bif", "is_qpi", "is_philips", "is_avs")
LOST = "the file does not have it"
BROKEN_OFF = "the list of pages breaks off here"
DAMAGED = "its header is damaged"

Place = tuple[Page | str, int]  # a page, or why there is none; bytes that its pixels lie further on


def is_tiff(path: Path) -> bool:
    """Whether a file begins as a TIFF or BigTIFF does."""
    try:
        with path.open("rb") as file:
            return file.read(4) in MAGIC
    except OSError:
        return False  # whoever reads it says why


@contextmanager
def tiff_readers(path: Path) -> Iterator[list[RegionReader]]:
    """The planes of a TIFF, in the order of its pages or of its OME axes.

    Channels of a page that is not RGB, and depth, time and channels of OME, are planes of their
    own. Of an OME file or a whole slide, images of another size than the first (labels, previews)
    are left out; of other files, reduced copies and masks.

    Raises:
        DataError: no page of it can be read, or its pixels are of another kind.
        InputError: tifffile is not installed.
    """
    try:
        import tifffile  # noqa: PLC0415
    except ImportError:
        raise InputError(
            f"{path} is a TIFF; reading it needs tifffile: pip install 'canon-nets[big]'"
        ) from None
    with _silent("tifffile"):
        try:
            tif = tifffile.TiffFile(path)
        except Exception as reason:
            raise unreadable_error(str(path), reason) from None
        with tif:
            places = _places(tif)
            try:
                yield _readers(places, path)
            finally:
                for page, _ in places:
                    if not isinstance(page, str):
                        page.parent.filehandle.close()  # OME may be spread over several files


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Without that logger's lines on the terminal: what matters of them is raised."""
    handler = logging.NullHandler()
    logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger(name).removeHandler(handler)


def _readers(places: list[Place], path: Path) -> list[RegionReader]:
    cache, found = BlockCache(), list[list[RegionReader] | str]()
    names = [f"page {number} of {len(places)} of {path}" for number in range(1, len(places) + 1)]
    for number, (page, shift) in enumerate(places):
        if isinstance(page, str):
            found.append(page)
        else:
            found.append(page_readers(page, shift, names[number], cache, number))
    sound = next((planes[0] for planes in found if not isinstance(planes, str)), None)
    if sound is None:
        raise unreadable_error(str(path), found[0] if found else "it has no page")
    size = (sound.height, sound.width, sound.channels, sound.bits)
    planes = list[RegionReader]()
    for name, of_page in zip(names, found, strict=True):
        planes += [UnreadableReader(name, of_page, *size)] if isinstance(of_page, str) else of_page
    return planes


def _places(tif: Any) -> list[Place]:
    if tif.is_ome or any(getattr(tif, kind, False) for kind in SLIDES):
        ordered = _ordered(tif)
        if ordered:
            return [(page or LOST, 0) for page in ordered]
    pages = [_page(tif, number) for number in range(len(tif.pages))]
    if _broken_off(tif):
        pages.append(BROKEN_OFF)
    if len(pages) == 1 and not isinstance(pages[0], str):
        return _stack(tif, pages[0])
    kept = [p for p in pages if isinstance(p, str) or not (p.is_reduced or p.is_mask)]
    return [(page, 0) for page in kept or pages]


def _ordered(tif: Any) -> list[Page | None]:
    """The pages in the order of their axes, or none where the axes cannot be made out."""
    try:
        first, *others = [s for s in tif.series if s.kind == "ome"] or tif.series[:1]
        same = [s for s in others if s.keyframe.shape == first.keyframe.shape]
        return [page for series in [first, *same] for page in series.pages]
    except Exception:  # a damaged page; the others are read as they lie in the file
        return []


def _page(tif: Any, number: int) -> Page | str:
    try:
        page = tif.pages.get(number, aspage=True)
    except Exception as reason:  # what damage makes tifffile stumble over is not known beforehand
        return str(reason) or type(reason).__name__
    return page if page.shape and 0 not in page.shape and page.dataoffsets else DAMAGED


def _broken_off(tif: Any) -> bool:
    """Whether the last page says that another follows."""
    tif.filehandle.seek(tif.pages.next_page_offset)
    following = tif.filehandle.read(tif.tiff.offsetsize)
    return len(following) < tif.tiff.offsetsize or any(following)


def _stack(tif: Any, page: Page) -> list[Place]:
    """One page, or the stack behind it: ImageJ writes more than 4 GB as one page."""
    series = tif.series[0]
    count = series.size // page.size if series.is_truncated else 1
    return [(page, number * page.nbytes) for number in range(count)]
