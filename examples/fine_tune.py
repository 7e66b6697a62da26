"""Fine-tune a trained network on a small dataset with other classes.

The first run learns the digits 0 to 4. The second starts from its weights, freezes the first stage,
and learns 5 to 9 from few images. `weights` also takes a file, or a name from `canon list weights`.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import canon


def save(path: str, digits: range, train: int, test: int) -> None:
    """Write the images of these digits as an npz, with `train` and `test` of each."""
    images, labels = load_digits(return_X_y=True)
    pixels = (images.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)
    chosen = [np.flatnonzero(labels == digit) for digit in digits]
    first = np.concatenate([index[:train] for index in chosen])
    last = np.concatenate([index[-test:] for index in chosen])
    np.savez(
        path,
        x_train=pixels[first], y_train=labels[first] - digits.start,
        x_test=pixels[last], y_test=labels[last] - digits.start,
        label_names=np.array([str(digit) for digit in digits]),
    )  # fmt: skip


def main() -> None:
    """Pre-train, then compare fine-tuning with training from scratch."""
    save("source.npz", range(5), train=120, test=50)
    save("target.npz", range(5, 10), train=10, test=50)

    source = canon.train(canon.TrainConfig("lenet5-modern", "source.npz", epochs=20))
    common = {"model": "lenet5-modern", "data": "target.npz", "epochs": 30}
    tuned = canon.train(canon.TrainConfig(**common, weights=source.path, freeze="c1"))
    scratch = canon.train(canon.TrainConfig(**common, out=Path("runs/scratch")))

    for name, run in (("fine-tuned", tuned), ("from scratch", scratch)):
        split, metrics = canon.evaluate(run)
        print(f"{name}: top-1 {metrics.top(1):.1%} on {metrics.count} {split} images")


if __name__ == "__main__":
    main()
