"""TIFF files as region readers: find their pages, in order, damaged ones included."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from canon.data.images.blocks import BlockCache
from canon.data.images.picture import decoding, room_for
from canon.data.images.region import RegionReader, UnreadableReader, unreadable_error
from canon.data.images.tiff_page import Page, page_readers
from canon.data.types import Pixels
from canon.errors import DataError, InputError

SLIDES = ("is_svs", "is_ndpi", "is_scn", "is_bif", "is_qpi", "is_philips", "is_avs")
MISSING = "the page is not in the file"
TRUNCATED = "the list of pages ends abruptly"
DAMAGED = "its header is damaged"

PageAt = tuple[Page | str, int]  # a page or its fault, and the offset of its pixels in bytes


@contextmanager
def tiff_readers(path: Path) -> Iterator[list[RegionReader]]:
    """One reader per plane of a TIFF, in the order of its pages or OME axes.

    The channels of a page that is not RGB are separate planes, as are depth, time and channels of
    OME. In OME files and whole slides, images of another size than the first (labels, previews) are
    skipped; in other files, reduced copies and masks are.

    Raises:
        DataError: no page can be read, or its pixel type is not supported.
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
            pages: list[PageAt] = []
            try:
                with decoding(path):  # damage can raise anything in tifffile
                    pages = _pages(tif)
                    planes = _readers(pages, path)
                yield planes
            finally:
                for page, _ in pages:
                    if not isinstance(page, str):
                        page.parent.filehandle.close()  # OME may span several files


class ChannelsError(DataError):
    """An image with channels that are neither grey nor RGB, whatever another reader makes of it."""


def read_first_page(path: Path) -> Pixels:
    """The pixels of the first page of a TIFF, (H, W, C) uint8 or uint16, C 1 or 3.

    Raises:
        DataError: it cannot be read, has another number of channels, or is too large.
    """
    with tiff_readers(path) as planes, decoding(path):
        first = planes[0]
        same = [plane for plane in planes if plane.name == first.name]
        if len(same) > 1:
            raise ChannelsError(
                f"{path} has {len(same)} channels; expected grey or RGB. Convert it, or save its "
                "channels as separate files."
            )
        with room_for(path, first.height, first.width):
            return first.read(slice(0, first.height), slice(0, first.width))


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Silence a logger: errors that matter are raised."""
    handler = logging.NullHandler()
    logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger(name).removeHandler(handler)


def _readers(pages: list[PageAt], path: Path) -> list[RegionReader]:
    cache, results = BlockCache(), list[list[RegionReader] | str]()
    names = [f"page {number} of {len(pages)} of {path}" for number in range(1, len(pages) + 1)]
    for number, (page, offset) in enumerate(pages):
        if isinstance(page, str):
            results.append(page)
        else:
            results.append(page_readers(page, offset, names[number], cache, number))
    first = next((planes[0] for planes in results if not isinstance(planes, str)), None)
    if first is None:
        raise unreadable_error(str(path), results[0] if results else "it has no page")
    size = (first.height, first.width, first.channels, first.bits)
    planes = list[RegionReader]()
    for name, of_page in zip(names, results, strict=True):
        planes += [UnreadableReader(name, of_page, *size)] if isinstance(of_page, str) else of_page
    return planes


def _pages(tif: Any) -> list[PageAt]:
    if tif.is_ome or any(getattr(tif, kind, False) for kind in SLIDES):
        ordered = _ordered(tif)
        if ordered:
            return [(page or MISSING, 0) for page in ordered]
    pages = [_page(tif, number) for number in range(len(tif.pages))]
    if _truncated(tif):
        pages.append(TRUNCATED)
    if len(pages) == 1 and not isinstance(pages[0], str):
        return _stack(tif, pages[0])
    full = [p for p in pages if isinstance(p, str) or not (p.is_reduced or p.is_mask)]
    return [(page, 0) for page in full or pages]


def _ordered(tif: Any) -> list[Page | None]:
    """The pages in the order of their axes; empty if the axes cannot be determined."""
    try:
        first, *others = [s for s in tif.series if s.kind == "ome"] or tif.series[:1]
        same = [s for s in others if s.keyframe.shape == first.keyframe.shape]
        return [page for series in [first, *same] for page in series.pages]
    except Exception:  # a damaged page; the others are read in file order
        return []


def _page(tif: Any, number: int) -> Page | str:
    try:
        page = tif.pages.get(number, aspage=True)
    except Exception as reason:  # damage can raise anything in tifffile
        return str(reason) or type(reason).__name__
    return page if page.shape and 0 not in page.shape and page.dataoffsets else DAMAGED


def _truncated(tif: Any) -> bool:
    """Whether the last page points to a further one."""
    tif.filehandle.seek(tif.pages.next_page_offset)
    following = tif.filehandle.read(tif.tiff.offsetsize)
    return len(following) < tif.tiff.offsetsize or any(following)


def _stack(tif: Any, page: Page) -> list[PageAt]:
    """One page, or a stack: ImageJ writes more than 4 GB as one page."""
    series = tif.series[0]
    count = series.size // page.size if series.is_truncated else 1
    return [(page, number * page.nbytes) for number in range(count)]
