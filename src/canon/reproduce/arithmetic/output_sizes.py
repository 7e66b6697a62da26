"""Output sizes, strides, padding, and the illegal fraction.

The published numbers are those of the course, which follows the notes of Stanford's CS231n; the
sizes found here are those of tensors that torch has computed.
"""

import torch
from torch.nn import functional as F

from canon.analysis.convolution import Window
from canon.analysis.window_drawing import drawing
from canon.reproduce.result import Number, Picture, Result, Row, Work, agreement

COURSE = "course, after CS231n"

# Input side, channels, kernel, filters, stride, padding, and the output of the source.
# fmt: off
CASES: tuple[tuple[int, int, int, int, int, int, Number, str], ...] = (
    (32, 3, 5, 1, 1, 0, (1, 28, 28), COURSE),
    (32, 3, 5, 6, 1, 0, (6, 28, 28), COURSE),
    (32, 3, 5, 10, 1, 2, (10, 32, 32), COURSE),
    (7, 1, 3, 1, 1, 0, (1, 5, 5), COURSE),
    (7, 1, 3, 1, 2, 0, (1, 3, 3), COURSE),
    (227, 3, 11, 96, 4, 0, (96, 55, 55), "Krizhevsky et al., NIPS 2012"),
    (224, 3, 7, 64, 2, 3, (64, 112, 112), "Szegedy et al., CVPR 2015, Table 1"),
    (572, 1, 3, 64, 1, 0, (64, 570, 570), "Ronneberger et al., MICCAI 2015, Figure 1"),
)
# fmt: on


def run(work: Work) -> Result:
    """Convolve, and compare the sizes."""
    rows = []
    for done, (n, c, f, k, s, p, published, source) in enumerate(CASES, 1):
        found = tuple(F.conv2d(torch.zeros(1, c, n, n), torch.zeros(k, c, f, f), None, s, p).shape)
        name = f"{n} x {n} x {c}, {k} of {f} x {f}, stride {s}, padding {p}"
        rows.append(Row(name, found[1:], published, source))
        work.watch("convolving", done, len(CASES))
    illegal = Window((7, 7), 1, 3, stride=3)
    small = Window((224, 224), 3, 11, 96, stride=4)
    rows += [
        Row("7 pixels, 3 x 3, stride 3: (N - F)/S + 1", float(illegal.exact(7)), 2.33, COURSE, 0.005),
        Row("224 pixels, 11 x 11, stride 4: (N - F)/S + 1", float(small.exact(224)), 54.25,
            "AlexNet prints 224 pixels, but 55 x 55 outputs need 227", 0.005),
        *(Row(f"padding that keeps the size, F = {f}", Window((9, 9), 1, f, padding="same").border,
              p, COURSE) for f, p in ((3, 1), (5, 2), (7, 3))),
    ]  # fmt: skip
    legal = ", ".join(map(str, illegal.legal_strides()))
    pictures = (
        Picture("7 pixels, 3 x 3, stride 2: three outputs", drawing(Window((7, 7), 1, 3, stride=2))),
        Picture("7 pixels, 3 x 3, stride 3: the last pixel is never seen", drawing(illegal)),
    )  # fmt: skip
    conclusion = (
        f"{agreement(tuple(rows))} Stride 3 on 7 pixels is illegal; legal strides are {legal}, and "
        f"padding {illegal.legal_paddings()[0]} makes stride 3 legal."
    )
    return Result(tuple(rows), pictures, conclusion)
