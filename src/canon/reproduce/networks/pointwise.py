"""1 x 1 convolution: worked examples, a fully connected layer for each pixel, fewer channels."""

import numpy as np
import torch
from torch import nn

from canon.analysis.convolution import Window
from canon.analysis.worked_example import convolved, in_words, kernel_of, matrix_of
from canon.reproduce.charts import matrices
from canon.reproduce.result import Picture, Result, Row, Work, agreement

COURSE = "course"
PIXELS = "1 2 1 0 1; 2 3 2 1 0; 1 2 4 2 1; 0 1 2 3 2; 1 0 1 2 1"


def run(work: Work) -> Result:
    """Work the examples out, and compare both layers."""
    del work
    image = matrix_of("1 2 3 6 5 8; 3 5 5 1 3 4; 2 1 3 4 9 3; 4 7 8 5 7 9; 1 5 3 7 4 8; 5 4 9 8 3 5", "on")  # fmt: skip
    doubled, sharpen = convolved(image, kernel_of("2")), kernel_of("sharpen")
    example = matrix_of(PIXELS, "on")
    sharpened = convolved(example, sharpen)
    window = Window((32, 32), 200, 1, 32)
    rows = (
        Row("kernel 2 of 1 x 1: largest ratio of output and input", float((doubled / image).max()), 2.0, COURSE),
        Row("kernel 2 of 1 x 1: smallest ratio", float((doubled / image).min()), 2.0, COURSE),
        Row("32 x 32 x 200, 32 filters of 1 x 1: output", window.output, (32, 32, 32), COURSE),
        Row("its multiplications", window.form.macs, 6_553_600, COURSE),
        Row("56 x 56 x 64, 32 filters of 1 x 1: multiplications", Window((56, 56), 64, 1, 32).form.macs, 6_422_528, "CS231n"),
        Row("its parameters", Window((56, 56), 64, 1, 32).form.params, 2_080, "CS231n"),
        Row("1 x 1 convolution and a fully connected layer of each pixel: largest difference", _difference(), 0.0, COURSE, 1e-5, expected=True),
    )  # fmt: skip
    pictures = (
        Picture("A 1 x 1 kernel of 2 doubles a picture", matrices([("input", image), ("kernel", np.array([[2.0]])), ("output", doubled)])),
        Picture("A 3 x 3 kernel that sharpens", matrices([("input", example), ("kernel", sharpen), ("output", sharpened)])),
    )  # fmt: skip
    conclusion = f"{agreement(rows)} First sharpened value: {in_words(example, sharpen, (0, 0))}."
    return Result(rows, pictures, conclusion)


def _difference() -> float:
    """Between a convolution and a linear layer of the same weights, over all pixels."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 200, 8, 8, generator=generator)
    conv, linear = nn.Conv2d(200, 32, 1), nn.Linear(200, 32)
    weight, bias = torch.randn(32, 200, generator=generator), torch.randn(32, generator=generator)
    with torch.no_grad():
        conv.weight.copy_(weight[..., None, None])
        linear.weight.copy_(weight)
        for layer in (conv, linear):
            assert layer.bias is not None
            layer.bias.copy_(bias)
        pixels = linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return float(((conv(x) - pixels).abs() / pixels.abs().max()).max())
