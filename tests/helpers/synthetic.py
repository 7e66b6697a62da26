"""Synthetic data: two classes of pictures, and discs and squares on noise with their masks."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("ground", "disc", "square")
IGNORE = 255


def shape_pair(seed: int, side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """One image, (H, W, 3) uint8, and the class of each pixel; rims are ignored, as in VOC."""
    random = np.random.default_rng(seed)
    image = random.normal(90, 25, (side, side, 3))
    classes = np.zeros((side, side), np.uint8)
    y, x = np.mgrid[:side, :side]
    for kind in random.permutation([1, 2]):
        radius = random.uniform(0.13, 0.2) * side
        cy, cx = random.uniform(radius, side - radius, 2)
        dy, dx = np.abs(y - cy), np.abs(x - cx)
        distance = np.hypot(dy, dx) if kind == 1 else np.maximum(dy, dx)
        classes[distance < radius + 1] = IGNORE
        classes[distance < radius - 1] = kind
        color = (60, 190, 110) if kind == 1 else (190, 90, 60)
        image[distance < radius] += np.array(color) - 90
    return image.clip(0, 255).astype(np.uint8), classes


def shape_folder(folder: Path, count: int = 24, side: int = 64, test: int = 6) -> Path:
    """A folder of such pairs with palette masks, classes.txt and split lists."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for i in range(count):
        image, classes = shape_pair(i, side)
        Image.fromarray(image).save(folder / "images" / f"{i:03d}.png")
        mask = Image.fromarray(classes)
        mask.putpalette([0, 0, 0, 0, 255, 0, 255, 0, 0] + 253 * [255, 255, 255])
        mask.save(folder / "masks" / f"{i:03d}.png")
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    names = [f"{i:03d}" for i in range(count)]
    (folder / "train.txt").write_text("\n".join(names[:-test]) + "\n")
    (folder / "test.txt").write_text("\n".join(names[-test:]) + "\n")
    return folder


def draw(seed: int, bright: bool, side: int = 24) -> Image.Image:
    """A small colour picture of one of two classes that are easy to tell apart."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 80, (side, side, 3))
    return Image.fromarray((noise + (150 if bright else 0)).astype(np.uint8))


def make_folder(folder: Path, count: int = 12, classes=("dark", "light"), side: int = 24) -> Path:
    """A folder of class folders with PNG pictures, `count` in each class."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            draw(100 * label + i, label % 2 == 1, side).save(folder / name / f"{i:02d}.png")
    return folder
