"""What the tests of outputs share."""

import numpy as np

from canon.inference.partial import OutputShape

MASKS = OutputShape(pages=3, height=700, width=600, row_height=300)
CHANCES = OutputShape(pages=2, height=700, width=600, row_height=300, classes=2)
HALF = np.finfo(np.float16).eps / 2  # relative, of rounding to float16


def output(extent):
    """Blocks of 25 x 25 pixels, as masks and probabilities have them."""
    random = np.random.default_rng(5)
    shape = (extent.pages, extent.maps, extent.height // 25, extent.width // 25)
    if extent.classes is None:
        blocks = random.integers(0, 3, shape, np.uint8)[:, 0]
    else:
        blocks = random.random(shape, np.float32)
    return np.kron(blocks, np.ones((25, 25), blocks.dtype))


def write(writer, extent, rows=None):
    """Write what is not done, at most so many rows."""
    left = rows
    for page, pixels in enumerate(output(extent)):
        for row in range(writer.done(page), extent.rows):
            if left == 0:
                return
            top = row * extent.row_height
            writer.write(page, row, pixels[..., top : top + extent.row_height, :])
            left = left and left - 1


def contents(path):
    """Every byte of a file, or of every file in a folder."""
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}
