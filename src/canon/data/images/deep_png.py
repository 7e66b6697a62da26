"""PNG files of 16 bits with alpha or colour, which Pillow reduces to 8."""

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from canon.data.images.picture import ORIENTATION, decoding
from canon.data.images.region import UPRIGHT, ArrayReader, OrientedReader
from canon.data.images.tiff_page import ALPHA, over_white
from canon.data.types import Pixels
from canon.utils.files import first_bytes

PNG = b"\x89PNG\r\n\x1a\n"
DEPTH, KIND = 24, 25  # offsets of the bit depth and the colour type in a PNG file
RGB, GREY_ALPHA, RGBA = 2, 4, 6


def is_deep_png(path: Path, *kinds: int) -> bool:
    """Whether a file is a PNG of 16 bits and one of these kinds that can be read with all bits."""
    header = first_bytes(path, KIND + 1)
    png = len(header) > KIND and header.startswith(PNG)
    deep = png and header[DEPTH] == 16 and header[KIND] in kinds
    return deep and bool(find_spec("imagecodecs"))


def read_deep_png(path: Path) -> Pixels | None:
    """Its pixels, (H, W, C) uint16 with C 1 or 3, alpha composited on white; None if damaged."""
    import imagecodecs  # noqa: PLC0415

    try:
        with decoding(path), Image.open(path) as picture:
            orientation = picture.getexif().get(ORIENTATION, 1)
            if "transparency" in picture.info:  # one transparent colour
                return None
        samples = imagecodecs.png_decode(path.read_bytes())
    except Exception:  # each codec raises its own errors
        return None  # read_image raises the error that names the fault
    alpha = ALPHA if samples.shape[2] in (2, 4) else 0
    deep = ArrayReader(over_white(1 if samples.shape[2] == 2 else 3, alpha, samples))
    upright = OrientedReader(deep, orientation) if orientation in UPRIGHT else deep
    return upright.read(slice(0, upright.height), slice(0, upright.width))
