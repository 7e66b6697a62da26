"""Convolution arithmetic: output sizes, legal strides and paddings, and pixels that are not seen.

All sizes are pixels along one side. N is the input, F the kernel, S the stride, P the padding.
"""

from fractions import Fraction
from math import ceil, floor

from canon.errors import InputError


def exact_size(
    n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Fraction:
    """(N - F + 2P)/S + 1, exactly; a dilated kernel spans D(F - 1) + 1 pixels."""
    span = dilation * (kernel - 1) + 1
    return Fraction(n - span + 2 * padding, stride) + 1


def conv_size(
    n: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
    strict: bool = False,
) -> int:
    """Output size of a convolution or a pooling.

    Args:
        n: side of the input.
        kernel: side of the window.
        stride: step of the window.
        padding: pixels added on each side.
        dilation: distance between neighbouring values of the kernel.
        ceil_mode: round a fraction up, as Caffe's poolings do.
        strict: raise an error for a fraction.

    Raises:
        InputError: the window is larger than the padded image; or, with `strict`, a fraction.
    """
    size = exact_size(n, kernel, stride, padding, dilation)
    if size < 1:
        raise InputError(
            f"a {kernel} x {kernel} window does not fit {n} pixels padded by {padding}; "
            f"expected at least {dilation * (kernel - 1) + 1 - 2 * padding}. Enlarge the image."
        )
    if strict and size.denominator > 1:
        raise InputError(_fraction(n, kernel, stride, padding, dilation))
    if not ceil_mode:
        return floor(size)
    # As torch does: a last window must start inside the image or its left padding.
    rounded = ceil(size)
    return rounded - 1 if (rounded - 1) * stride >= n + padding else rounded


def side_after(image: int, *windows: tuple[int, ...]) -> int:
    """The side of the map after several windows, each (kernel, stride, padding) or a part of it.

    Raises:
        InputError: one of the windows does not fit.
    """
    for window in windows:
        image = conv_size(image, *window)
    return image


def _fraction(n: int, kernel: int, stride: int, padding: int, dilation: int) -> str:
    size = exact_size(n, kernel, stride, padding, dilation)
    strides = legal_strides(n, kernel, padding, dilation)
    paddings = legal_paddings(n, kernel, stride, dilation)
    remedy = f"Legal strides here: {', '.join(map(str, strides))}"
    remedy += f"; legal paddings: {', '.join(map(str, paddings))}." if paddings else "."
    return (
        f"({n} - {kernel} + 2 * {padding})/{stride} + 1 = {float(size):.2f} is a fraction; "
        f"expected a whole number of outputs. {remedy}"
    )


def legal_strides(n: int, kernel: int, padding: int = 0, dilation: int = 1) -> list[int]:
    """The strides up to the kernel's side that give a whole number of outputs."""
    sizes = {s: exact_size(n, kernel, s, padding, dilation) for s in range(1, kernel + 1)}
    return [s for s, size in sizes.items() if size.denominator == 1]


def legal_paddings(n: int, kernel: int, stride: int, dilation: int = 1) -> list[int]:
    """The paddings below the kernel's side that give a whole number of outputs."""
    sizes = {p: exact_size(n, kernel, stride, p, dilation) for p in range(kernel)}
    return [p for p, size in sizes.items() if size.denominator == 1 and size >= 1]


def same_padding(kernel: int, dilation: int = 1) -> int:
    """(F - 1)/2, the padding with which stride 1 keeps the size.

    Raises:
        InputError: the window spans an even number of pixels, so no padding is symmetric.
    """
    span = dilation * (kernel - 1) + 1
    if span % 2 == 0:
        raise InputError(
            f"a window of {span} pixels has no middle, so no padding keeps the size; "
            "expected an odd number. Use an odd kernel."
        )
    return (span - 1) // 2


def transposed_size(
    n: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> int:
    """S(N - 1) + F - 2P + A: the output of a transposed convolution with A extra pixels."""
    return stride * (n - 1) + kernel - 2 * padding + output_padding


def unseen(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Pixels at the end of a side that no window covers when a fraction is rounded down."""
    span = dilation * (kernel - 1) + 1
    left_over = (n - span + 2 * padding) % stride
    return max(0, left_over - padding)


def seen(
    n: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
) -> int:
    """Pixels of a side that at least one window covers: a stride beyond the kernel skips pixels."""
    outputs = conv_size(n, kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    if dilation == 1 and stride <= kernel:
        return min(n, (outputs - 1) * stride + kernel - padding)
    starts = (i * stride - padding for i in range(outputs))
    places = {start + dilation * tap for start in starts for tap in range(kernel)}
    return sum(0 <= place < n for place in places)
