"""Fully convolutional AlexNet on a 500 x 500 image, compared with the classifier on its crops.

Long et al. 2015, section 4.1: 22 ms for a 10 x 10 grid of outputs, 1.2 ms per crop in a batch, more
than five times as long in total. Measured here: the fully convolutional network, the hundred crops
in one batch, and the crops one by one, interleaved and repeated.

    python -m benchmarks.fully_convolutional
"""

import statistics
import time

import torch

from canon.layers.fully_convolutional import fully_convolutional
from canon.models import build

ROUNDS, SIDE, GRID, CROP = 5, 500, 10, 227


def main() -> None:
    """Time all three, interleaved, and print medians, ranges and ratios."""
    net = build("alexnet").eval().to(memory_format=torch.channels_last)
    convolutional = fully_convolutional(net).to(memory_format=torch.channels_last)
    image = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    image = image.contiguous(memory_format=torch.channels_last)
    starts = [round(i * (SIDE - CROP) / (GRID - 1)) for i in range(GRID)]
    crops = torch.cat([image[..., y : y + CROP, x : x + CROP] for y in starts for x in starts])
    crops = crops.contiguous(memory_format=torch.channels_last)

    def one_by_one():
        return [net(crop[None]) for crop in crops]

    variants = {
        "whole": lambda: convolutional(image),
        "batch": lambda: net(crops),
        "one by one": one_by_one,
    }
    seconds = {name: [] for name in variants}
    with torch.inference_mode():
        height, width = convolutional(image).shape[-2:]
        for _ in range(ROUNDS + 1):  # the first warms up
            for name, run in variants.items():
                start = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - start)
    print(f"AlexNet on {SIDE} x {SIDE}: a map of {height} x {width} scores against "
          f"{GRID} x {GRID} crops of {CROP}")  # fmt: skip
    for name, times in seconds.items():
        ms = sorted(1000 * t for t in times[1:])
        print(f"  {name}: {statistics.median(ms):.0f} ms ({ms[0]:.0f} to {ms[-1]:.0f})")
    for name, printed in (("batch", 5.5), ("one by one", 24.5)):
        ratios = sorted(a / b for a, b in zip(seconds[name][1:], seconds["whole"][1:], strict=True))
        print(f"  {name} / whole: {statistics.median(ratios):.1f} times ({ratios[0]:.1f} to "
              f"{ratios[-1]:.1f}); on the paper's GPU: {printed}")  # fmt: skip


if __name__ == "__main__":
    main()
