"""Train a U-Net on small images with masks, then segment a large TIFF tile by tile.

Large images need the extra `big`: pip install 'canon-nets[big]'. The memory required does not
depend on the size of the slide. After an interruption, the same command resumes.
"""

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

import canon


def cells(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bright discs on noise, and their mask: 255 in a disc, else 0."""
    random = np.random.default_rng(seed)
    rows, columns = np.ogrid[:height, :width]
    mask = np.zeros((height, width), np.uint8)
    for _ in range(height * width // 2000):
        y, x, radius = random.integers(height), random.integers(width), random.integers(6, 12)
        mask[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = 255
    noise = random.integers(0, 100, (height, width), dtype=np.uint8)
    return noise + mask // 2, mask


def main() -> None:
    """Draw, train, segment, measure."""
    for folder in ("images", "masks"):
        Path("cells", folder).mkdir(parents=True)
    for i in range(12):
        image, mask = cells(96, 96, seed=i)
        Image.fromarray(image).save(f"cells/images/{i}.png")
        Image.fromarray(mask).save(f"cells/masks/{i}.png")
    Path("cells/classes.txt").write_text("background\ncell\n")

    config = canon.TrainConfig("unet-same", "cells", width=8, depth=2, epochs=20)
    run = canon.train(config)
    split, metrics = canon.evaluate(run)
    print(f"{split}: mean IoU {metrics.mean_iou:.1%}")

    slide, truth = cells(1200, 900, seed=100)
    tifffile.imwrite("slide.tif", slide, tile=(256, 256))
    for prediction in canon.predict(run, ["slide.tif"], out="masks", tile=256, overlay=True):
        mask = tifffile.imread(prediction.mask)
        share = prediction.pixels[1] / sum(prediction.pixels)
        print(f"{prediction.mask}: {share:.1%} cells, {(mask == truth).mean():.1%} pixel accuracy")


if __name__ == "__main__":
    main()
