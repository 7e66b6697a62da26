"""Unpooling and transposed convolution: sizes, checkerboards, and their cure."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.analysis.convolution import Window
from canon.interpret.pictures import Bytes
from canon.layers.upsample import BedOfNails, bilinear_kernel
from canon.reproduce.charts import images, matrices
from canon.reproduce.result import Picture, Result, Row, Work, agreement

COURSE, ODENA = "course", "Odena et al., Distill 2016"


def run(work: Work) -> Result:
    """Enlarge 3 x 3 values, and measure how uneven the overlap of kernels is."""
    del work
    x = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    between = F.conv_transpose2d(x, torch.ones(1, 1, 1, 1), stride=2)  # zeros between the values
    kernel = bilinear_kernel(3)[None, None]
    up = F.conv_transpose2d(x, kernel, stride=2, padding=1)
    pooled, where = F.max_pool2d(_image(), 2, return_indices=True)
    unpooled = F.max_unpool2d(pooled, where, [2, 2])
    uneven, even, resized = (_unevenness(k) for k in (3, 4, 0))
    rows = (
        Row("3 x 3 with zeros between: side", between.shape[-1], 5, COURSE),
        Row("transposed 3 x 3, stride 2, padding 1: side", up.shape[-1], 5, COURSE),
        Row("the same by its formula", Window((3, 3), 1, 3, stride=2, padding=1, kind="transposed").output[0], 5, COURSE, expected=True),
        Row("bed of nails, stride 2: side", BedOfNails(2)(x).shape[-1], 6, "zeros after each value", expected=True),
        Row("transposed convolution is unpooling, then convolution: largest difference", _two_steps(x, kernel, up), 0.0, COURSE, 1e-6, expected=True),
        Row("max unpooling: values at the places of their maxima", int((unpooled[unpooled != 0] == _image()[unpooled != 0]).sum()), 4, COURSE),
        Row("largest over smallest overlap: transposed 3 x 3, stride 2", uneven, 4.0, f"{ODENA}: 1 or 2 along each side, which multiply"),
        Row("largest over smallest overlap: transposed 4 x 4, stride 2", even, 1.0, f"{ODENA}: the stride divides the kernel"),
        Row("largest over smallest overlap: enlarged, then 3 x 3", resized, 1.0, f"{ODENA}: the cure"),
    )  # fmt: skip
    numbers = matrices([("input", x[0, 0].numpy()), ("zeros between", between[0, 0].numpy()),
                        ("transposed convolution", up[0, 0].numpy())])  # fmt: skip
    boards = images([(name, _grey(_ones(k)[0, 0, 2:-2, 2:-2])) for name, k in
                     (("3 x 3, stride 2", 3), ("4 x 4, stride 2", 4), ("enlarged, then 3 x 3", 0))], 3)  # fmt: skip
    pictures = (Picture("3 x 3 becomes 5 x 5", numbers),
                Picture("Overlap of the kernels on a constant picture", boards))  # fmt: skip
    return Result(rows, pictures, agreement(rows))


def _image() -> Tensor:
    return torch.tensor([[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]])[None, None]


def _two_steps(x: Tensor, kernel: Tensor, up: Tensor) -> float:
    spread = F.conv_transpose2d(x, torch.ones(1, 1, 1, 1), stride=2)
    turned = kernel.flip(2, 3)
    return float((F.conv2d(spread, turned, padding=1) - up).abs().max())


def _ones(kernel: int) -> Tensor:
    """A constant picture enlarged by two with a kernel of ones; 0 enlarges before it convolves."""
    x = torch.ones(1, 1, 8, 8)
    if kernel:
        return F.conv_transpose2d(x, torch.ones(1, 1, kernel, kernel), stride=2)
    return F.conv2d(nn.Upsample(scale_factor=2)(x), torch.ones(1, 1, 3, 3), padding=1)


def _grey(values: Tensor) -> Bytes:
    """Values as greys from black at zero to light grey at their largest, (H, W, 3)."""
    grey = (210 * values / values.max()).round().to(torch.uint8)
    return grey[..., None].expand(-1, -1, 3).numpy()


def _unevenness(kernel: int) -> float:
    """The largest of the inner values over the smallest: how many outputs a pixel is part of."""
    values = _ones(kernel)[..., 4:-4, 4:-4]
    return float(values.max() / values.min())
