"""Open files with Pillow: every fault named, large images only as memory allows."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from PIL import Image, UnidentifiedImageError

from canon.errors import DataError
from canon.utils.memory import free_memory

# Canon has its own limit, in bytes. Decoders' warnings name no file; what matters is an error.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\..*")

# Allocated in smaller blocks, a large image stays with the thread that read it: the C library gives
# only what is larger than 32 MiB back to the system.
Image.core.set_block_size(2**26)  # type: ignore[attr-defined]

ORIENTATION = 0x0112  # EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BYTES = 8  # per pixel of a picture while it is decoded and converted
LITTLE = 2**28  # bytes that are always taken to be free
AT_ONCE = 2**28  # pixels that all threads decode at once, unless a single image has more


class _PixelsInFlight:
    """Lets threads decode images together only as long as they have few pixels."""

    def __init__(self) -> None:
        self.now, self.changed = 0, Condition()

    @contextmanager
    def of(self, count: int) -> Iterator[None]:
        """Wait until so many more pixels may be decoded."""
        with self.changed:
            self.changed.wait_for(lambda: not self.now or self.now + count <= AT_ONCE)
            self.now += count
        try:
            yield
        finally:
            with self.changed:
                self.now -= count
                self.changed.notify_all()


_DECODED, _IN_USE = _PixelsInFlight(), _PixelsInFlight()


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Wait until few enough pixels are in use: for threads that work on one whole image each."""
    try:
        with Image.open(path) as picture:  # the header only
            pixels = picture.height * picture.width
    except Exception:
        pixels = 0  # reading it will say why
    with _IN_USE.of(pixels):
        yield


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into a DataError that names the file.

    Decoders raise errors of any type for a damaged file.
    """
    try:
        yield
    except (DataError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise DataError(
            f"{path} is not a readable image; expected PNG, JPEG, TIFF or a similar format. "
            "Replace or delete it."
        ) from None
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; expected an image file. Check the path.") from None
    except Exception as reason:
        detail = " ".join(str(reason).split()).rstrip(".") or type(reason).__name__
        raise DataError(
            f"{path} cannot be read: {detail[:200]}; expected a complete image file. Replace or "
            "delete it."
        ) from None


@contextmanager
def open_picture(path: Path, least: int | None = None) -> Iterator[Image.Image]:
    """A file as Pillow opens it, loaded and upright.

    Args:
        path: the file.
        least: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, if its sides can be divided so
            and keep so many pixels; None means whole.

    Raises:
        DataError: it is missing, empty, damaged, no image, or too large for the memory.
    """
    with decoding(path):
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty (0 bytes); expected an image. Replace or delete it.")
        with Image.open(path) as picture, room_for(path, picture.height, picture.width):
            if least is not None and picture.format == "JPEG":
                _reduce(picture, least)
            picture.load()
            yield upright(picture)


def _reduce(picture: Image.Image, least: int) -> None:
    """Decode a JPEG at the smallest exact fraction of its size that has sides of so many pixels.

    At other fractions the result would be shifted by a part of a pixel.
    """
    width, height = picture.size
    for factor in (8, 4, 2):
        whole = width % factor == height % factor == 0
        if whole and min(width, height) // factor >= least:
            picture.draft(picture.mode, (width // factor, height // factor))
            return


@contextmanager
def room_for(path: Path, height: int, width: int) -> Iterator[None]:
    """Wait for the memory that an image takes.

    Raises:
        DataError: it is larger than what is free.
    """
    needed = BYTES * height * width
    if needed > LITTLE and needed > free_memory():
        raise DataError(
            f"{path} has {height:,} x {width:,} pixels, which do not fit into the free memory; "
            "expected fewer. Segmentation networks predict a tiled TIFF part by part; otherwise "
            "make the image smaller."
        )
    with _DECODED.of(height * width):
        yield


def upright(picture: Image.Image) -> Image.Image:
    """A picture turned as its orientation tag says; other tags may be damaged."""
    try:
        orientation = picture.getexif().get(ORIENTATION)
    except Exception:
        return picture
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)


def frames(path: Path) -> int:
    """How many images a file holds.

    Raises:
        DataError: it cannot be read.
    """
    with decoding(path), Image.open(path) as picture:
        return int(getattr(picture, "n_frames", 1))
