"""Sizes, legal strides and paddings, and pixels that are not seen, against torch."""

from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from canon.errors import InputError
from canon.layers.conv_arithmetic import (
    conv_size,
    exact_size,
    legal_paddings,
    legal_strides,
    same_padding,
    seen,
    transposed_size,
    unseen,
)

GRID = [
    (n, f, s, p, d)
    for n in (7, 12, 32)
    for f in (1, 2, 3, 5)
    for s in (1, 2, 3)
    for p in (0, 1)
    for d in (1, 2)
    if d * (f - 1) + 1 <= n + 2 * p and p <= f // 2
]


def test_a_5x5_filter_turns_32_pixels_into_28():
    assert conv_size(32, 5) == 28


@pytest.mark.parametrize(("stride", "size"), [(1, 5), (2, 3), (3, Fraction(7, 3))])
def test_seven_pixels_and_three_wide_filters_as_in_the_lecture(stride, size):
    assert exact_size(7, 3, stride) == size


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1), (5, 2), (7, 3)])
def test_same_padding_is_half_the_kernel(kernel, padding):
    assert same_padding(kernel) == padding
    assert conv_size(19, kernel, 1, padding) == 19


def test_an_even_kernel_has_no_same_padding():
    with pytest.raises(InputError, match=r"has no middle.*Use an odd kernel"):
        same_padding(4)


@pytest.mark.parametrize(("n", "f", "s", "p", "d"), GRID)
def test_sizes_are_those_of_torch(n, f, s, p, d):
    x = torch.empty(1, 1, n, n, device="meta")
    conv = nn.Conv2d(1, 1, f, s, p, d, device="meta")
    assert conv_size(n, f, s, p, d) == conv(x).shape[-1]
    for ceil_mode in (False, True):
        pooled = F.max_pool2d(x, f, s, p, d, ceil_mode=ceil_mode)
        assert conv_size(n, f, s, p, d, ceil_mode=ceil_mode) == pooled.shape[-1]


def pixels_with_gradient(n, f, s, p, d):
    x = torch.ones(1, 1, n, 1, requires_grad=True)
    F.conv2d(x, torch.ones(1, 1, f, 1), None, (s, 1), (p, 0), (d, 1)).sum().backward()
    return x.grad.flatten().nonzero().flatten().tolist()


@pytest.mark.parametrize(("n", "f", "s", "p", "d"), GRID)
def test_seen_pixels_are_those_with_a_gradient(n, f, s, p, d):
    assert seen(n, f, s, p, d) == len(pixels_with_gradient(n, f, s, p, d))


@pytest.mark.parametrize(
    ("n", "f", "s", "p", "d"),
    [(*sizes, d) for *sizes, d in GRID if sizes[2] <= sizes[1] and d == 1],
)
def test_unseen_pixels_at_the_end_are_those_without_a_gradient(n, f, s, p, d):
    assert unseen(n, f, s, p, d) == n - 1 - pixels_with_gradient(n, f, s, p, d)[-1]


@pytest.mark.parametrize(("n", "f", "s", "p"), [(5, 3, 2, 1), (3, 2, 2, 0), (8, 4, 2, 1)])
def test_transposed_sizes_are_those_of_torch(n, f, s, p):
    x = torch.empty(1, 1, n, n, device="meta")
    made = nn.ConvTranspose2d(1, 1, f, s, p, output_padding=s - 1, device="meta")(x)
    assert transposed_size(n, f, s, p, s - 1) == made.shape[-1]


def test_the_224_pixels_of_alexnet_are_refused_with_the_legal_strides_and_paddings():
    with pytest.raises(InputError) as caught:
        conv_size(224, 11, 4, strict=True)
    assert str(caught.value) == (
        "(224 - 11 + 2 * 0)/4 + 1 = 54.25 is a fraction; expected a whole number of outputs. "
        "Legal strides here: 1, 3."
    )
    with pytest.raises(
        InputError, match=r"Legal strides here: 1, 2, 4, 5; legal paddings: 1, 4\.$"
    ):
        conv_size(225, 5, 3, strict=True)
    assert conv_size(227, 11, 4, strict=True) == 55


def test_legal_strides_and_paddings_give_whole_sizes():
    assert legal_strides(7, 3) == [1, 2]
    assert legal_paddings(224, 7, 2) == []
    assert legal_paddings(224, 5, 3) == [0, 3]


def test_a_window_larger_than_the_image_is_refused():
    with pytest.raises(InputError, match=r"a 5 x 5 window does not fit 3 pixels.*at least 5"):
        conv_size(3, 5)
