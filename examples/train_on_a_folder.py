"""Train a network on a folder of images, evaluate it, and classify new images.

The folder has one folder of images per class. This script draws one; use your own instead.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import canon


def draw(shape: str, seed: int) -> Image.Image:
    """A circle or a square of random size, place and colour, on noise."""
    random = np.random.default_rng(seed)
    image = Image.fromarray(random.integers(0, 100, (32, 32, 3), dtype=np.uint8))
    left, top, side = random.integers(2, 12), random.integers(2, 12), random.integers(12, 18)
    color = tuple(random.integers(130, 256, 3).tolist())
    outline = ImageDraw.Draw(image)
    paint = outline.ellipse if shape == "circle" else outline.rectangle
    paint((left, top, left + side, top + side), fill=color)
    return image


def main() -> None:
    """Draw, check, train, evaluate, predict."""
    for number, shape in enumerate(("circle", "square")):
        folder = Path("shapes", shape)
        folder.mkdir(parents=True)
        for i in range(100):
            draw(shape, seed=1000 * number + i).save(folder / f"{i}.png")

    report = canon.check_data(canon.open_data("shapes"))  # unreadable files, duplicates
    print("dataset is sound:", report.sound)

    config = canon.TrainConfig("prototype", "shapes", out=Path("runs/shapes"), epochs=15)
    run = canon.train(config)  # a fifth of the images is held out for validation
    split, metrics = canon.evaluate(run)
    low, high = metrics.interval(1)
    print(f"{split}: top-1 {metrics.top(1):.1%} (95 %: {low:.1%} to {high:.1%})")
    print("report:", run.path / "report.html")

    draw("circle", seed=5000).save("new.png")
    for prediction in canon.predict(run, ["new.png"], top=2):
        scores = zip(prediction.classes, prediction.probabilities, strict=True)
        print(prediction.path, ", ".join(f"{name} {p:.1%}" for name, p in scores))


if __name__ == "__main__":
    main()
