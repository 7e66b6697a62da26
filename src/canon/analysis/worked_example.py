"""A convolution worked out number by number."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.errors import InputError, nearest
from canon.layers.conv_arithmetic import conv_size

Numbers = NDArray[np.float64]

KERNELS: dict[str, list[list[float]]] = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "edges": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "box-blur": [[1 / 9] * 3] * 3,
    "gaussian-blur": [[1 / 16, 1 / 8, 1 / 16], [1 / 8, 1 / 4, 1 / 8], [1 / 16, 1 / 8, 1 / 16]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "sobel-x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "sobel-y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
}


def kernel_of(text: str) -> Numbers:
    """A kernel by its name, or a matrix such as "0 -1 0; -1 5 -1; 0 -1 0".

    Raises:
        InputError: neither.
    """
    if text in KERNELS:
        return np.array(KERNELS[text], np.float64)
    if any(letter.isalpha() for letter in text):
        raise InputError(
            f"no kernel is named {text!r}.{nearest(text, KERNELS)} Expected one of "
            f"{', '.join(KERNELS)}, or a matrix. Pass --kernel '0 1; 2 3'."
        )
    return matrix_of(text, "kernel")


def matrix_of(text: str, flag: str) -> Numbers:
    """A matrix such as "1 2; 3 4".

    Raises:
        InputError: rows of different lengths, or something that is no number.
    """
    try:
        rows = [[float(cell) for cell in row.replace(",", " ").split()] for row in text.split(";")]
    except ValueError as reason:
        raise InputError(
            f"--{flag} has {str(reason).rpartition(' ')[2]}, which is no number; expected a "
            f"matrix. Pass --{flag} '1 2; 3 4'."
        ) from None
    if not rows[0] or len({len(row) for row in rows}) > 1:
        raise InputError(
            f"--{flag} has rows of {', '.join(str(len(row)) for row in rows)} numbers; expected "
            f"rows of one length. Pass --{flag} '1 2; 3 4'."
        )
    return np.array(rows, np.float64)


def convolved(image: Numbers, kernel: Numbers, stride: int = 1, padding: int = 0) -> Numbers:
    """The sums of products of a kernel and each window, as in networks: it is not turned.

    Args:
        image: (H, W).
        kernel: (h, w).
        stride: in pixels.
        padding: zeros on each side.

    Raises:
        InputError: the kernel is larger than the padded image.
    """
    sizes = [
        conv_size(n, k, stride, padding)
        for n, k in zip(image.shape, kernel.shape, strict=True)
    ]  # fmt: skip
    padded = np.pad(image, padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    found = np.einsum("ijkl,kl->ij", windows[::stride, ::stride], kernel)
    return found[: sizes[0], : sizes[1]]


def in_words(
    image: Numbers, kernel: Numbers, place: tuple[int, int], stride: int = 1, padding: int = 0
) -> str:
    """One output as the sum of its products: "1 x 0 + 2 x -1 + ... = 6".

    Raises:
        InputError: there is no such output.
    """
    whole = convolved(image, kernel, stride, padding)
    row, column = place
    if not (0 <= row < whole.shape[0] and 0 <= column < whole.shape[1]):
        raise InputError(
            f"there is no output {row},{column}; expected rows 0 to {whole.shape[0] - 1} and "
            f"columns 0 to {whole.shape[1] - 1}. Pass another --at."
        )
    top, left = row * stride, column * stride
    window = np.pad(image, padding)[top : top + kernel.shape[0], left : left + kernel.shape[1]]
    products = [
        f"{plain(x)} x {plain(w)}"
        for x, w in zip(window.flatten(), kernel.flatten(), strict=True)
    ]  # fmt: skip
    return f"{' + '.join(products)} = {plain(whole[row, column])}"


def plain(value: Any) -> str:
    """A number without needless digits."""
    return f"{float(value):.4g}"
