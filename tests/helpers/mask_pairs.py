"""Images and masks written pixel by pixel."""

from pathlib import Path

import numpy as np
from PIL import Image

RANDOM = np.random.default_rng(0)


def save(file, pixels):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(file)


def save_pair(folder, stem, mask, image=None):
    """A mask and its image, or noise of the size of the mask."""
    mask = np.array(mask, np.uint8)
    if image is None:
        image = RANDOM.integers(0, 256, mask.shape, np.uint8)
    save(folder / "images" / f"{stem}.png", image)
    save(folder / "masks" / f"{stem}.png", mask)


def three_pairs(folder: Path) -> Path:
    """Three pairs of several sizes, one of them to test on."""
    save_pair(folder, "a", [[0, 0, 1, 255]])
    save_pair(folder, "b", [[0, 2], [1, 2]])
    save_pair(folder, "c", [[1, 1, 1], [2, 2, 255]])
    (folder / "train.txt").write_text("a\nb")
    (folder / "test.txt").write_text("c")
    return folder
