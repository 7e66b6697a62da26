"""Depthwise separable convolutions: multiplications, groups, and the measured speed."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from canon.analysis.convolution import Window
from canon.reproduce.charts import bars
from canon.reproduce.result import Picture, Result, Row, Work, agreement
from canon.reproduce.timing import medians, threads

COURSE = "course"
ROUNDS = 15
SIDE, CHANNELS, KERNEL, BATCH = 32, 256, 3, 8  # of the layers that are timed


def run(work: Work) -> Result:
    """Count, convolve by groups, and time both forms."""
    whole = Window((12, 12), 3, 5, 256)
    depthwise, pointwise = Window((12, 12), 3, 5, 3, groups=3), Window((8, 8), 3, 1, 256)
    x = torch.zeros(1, 3, 12, 12)
    grouped = nn.Conv2d(3, 3, 5, groups=3, bias=False)
    transposed = nn.ConvTranspose2d(3, 3, 5, groups=3, bias=False)
    with torch.no_grad():
        down = grouped(x)
        up = transposed(down)
    times = medians(_layers(), ROUNDS, lambda done: work.watch("timing", done, ROUNDS))
    dense, separable = times["dense"], times["separable"]
    multiplications = _ratio()
    rows = (
        Row("256 filters of 5 x 5 x 3 on 12 x 12 x 3: multiplications", whole.form.macs, 1_228_800, COURSE),
        Row("depthwise 5 x 5", depthwise.form.macs, 4_800, COURSE),
        Row("pointwise, 3 to 256 channels", pointwise.form.macs, 49_152, COURSE),
        Row("groups = 3 in Conv2d: output", tuple(down.shape[1:]), (3, 8, 8), COURSE),
        Row("groups = 3 in Conv2d: weights", grouped.weight.numel(), 75, "3 x 5 x 5", expected=True),
        Row("groups = 3 in ConvTranspose2d: output", tuple(up.shape[1:]), (3, 12, 12), COURSE),
        Row("groups = 3 in ConvTranspose2d: weights", transposed.weight.numel(), 75, "3 x 5 x 5", expected=True),
        Row(f"3 x 3, {CHANNELS} channels, {SIDE} x {SIDE}: multiplications, dense over separable", multiplications),
        Row("the same, time of dense over separable", dense / separable),
    )  # fmt: skip
    chart = bars(
        ["dense", "depthwise separable", "depthwise alone", "pointwise alone"],
        [1000 * times[name] for name in ("dense", "separable", "depthwise", "pointwise")],
        f"milliseconds for {BATCH} images",
    )
    conclusion = (
        f"{agreement(rows)} {whole.form.macs / (4_800 + 49_152):.1f} times fewer multiplications "
        f"in the example. In the timed layer {multiplications:.1f} times fewer, but only "
        f"{dense / separable:.1f} times less time: the depthwise part does little for each value "
        f"that it reads."
    )
    conditions = f"median of {ROUNDS} interleaved rounds, torch {torch.__version__}, {threads()}"
    return Result(rows, (Picture("Time of both forms", chart),), conclusion, conditions)


def _layers() -> dict[str, Callable[[], object]]:
    """The layers that are timed, each on the same random input."""
    padding = KERNEL // 2
    dense = nn.Conv2d(CHANNELS, CHANNELS, KERNEL, padding=padding)
    depthwise = nn.Conv2d(CHANNELS, CHANNELS, KERNEL, padding=padding, groups=CHANNELS)
    pointwise = nn.Conv2d(CHANNELS, CHANNELS, 1)
    x = torch.randn(BATCH, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    layers = {"dense": dense, "separable": nn.Sequential(depthwise, pointwise),
              "depthwise": depthwise, "pointwise": pointwise}  # fmt: skip
    return {name: partial(layer, x) for name, layer in layers.items()}


def _ratio() -> float:
    """Multiplications of the dense layer over those of the separable one."""
    window = Window((SIDE, SIDE), CHANNELS, KERNEL, CHANNELS, padding="same")
    forms = {form.name: form.macs for form in window.other_forms()}
    return window.form.macs / forms["depthwise separable"]
