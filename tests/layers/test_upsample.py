"""Ways to enlarge a map: sizes by the arithmetic, values by hand and by torch's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from canon.errors import InputError
from canon.layers.conv_arithmetic import transposed_size
from canon.layers.feature_grid import Grid
from canon.layers.upsample import (
    KINDS,
    BedOfNails,
    Crop,
    Upsampling,
    bilinear_kernel,
    init_bilinear,
    max_pool_indices,
)

POOL = nn.MaxPool2d(2, 2)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_a_transposed_convolution_turns_3_x_3_into_5_x_5_as_in_the_lecture():
    """A transposed 3 x 3 convolution, stride 2, padding 1: zeros between and around the pixels."""
    assert transposed_size(3, 3, 2, 1) == 5
    layer = nn.ConvTranspose2d(1, 1, 3, 2, 1, bias=False)
    x = noise(1, 1, 3, 3)
    between = BedOfNails(2)(x)[..., :5, :5]  # the zeros after the last pixel are left out
    by_hand = F.conv2d(between, layer.weight.flip(2, 3), padding=1)
    torch.testing.assert_close(layer(x), by_hand)
    assert layer(x).shape[-2:] == (5, 5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("h", "w"), [(6, 4), (1, 5)])
def test_every_kind_doubles_the_sides(kind, h, w):
    c_out = 6 if kind == "channelwise" else 3
    up = Upsampling(kind, 6, c_out)
    x, pooled = noise(2, 6, h, w), noise(2, c_out, 2 * h, 2 * w)
    y = up.undo(x, pooled, POOL) if kind == "unpool" else up(x)
    assert y.shape == (2, c_out, 2 * h, 2 * w)


def test_a_bed_of_nails_is_followed_by_a_convolution_of_5_x_5():
    up = Upsampling("bed-of-nails", 6, 3)
    assert up.after.weight.shape == (3, 6, 5, 5)
    torch.testing.assert_close(
        up(x := noise(1, 6, 4, 4)),
        F.conv2d(BedOfNails(2)(x), up.after.weight, up.after.bias, padding=2),
    )


@pytest.mark.parametrize(("factor", "kernel"), [(2, 4), (8, 16), (16, 32), (32, 64), (32, 63)])
def test_a_transposed_convolution_is_as_large_as_the_arithmetic_says(factor, kernel):
    up = Upsampling("channelwise", 2, 2, factor, kernel, bias=False)
    assert up(noise(1, 2, 5, 3)).shape[-2:] == tuple(
        transposed_size(n, kernel, factor) for n in (5, 3)
    )


@pytest.mark.parametrize("kind", ["transposed", "channelwise"])
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_the_bilinear_kernel_interpolates_as_torch_does_away_from_the_borders(kind, factor):
    up = init_bilinear(Upsampling(kind, 3, 3, factor, 2 * factor, bias=False))
    x = noise(1, 3, 6, 7)
    edge = factor // 2
    inside = up(x)[..., edge:-edge, edge:-edge]
    same = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    torch.testing.assert_close(
        inside[..., factor:-factor, factor:-factor], same[..., factor:-factor, factor:-factor]
    )


def test_bilinear_kernels_are_those_of_the_formula():
    quarter, half = torch.tensor([1, 3, 3, 1]) / 4, torch.tensor([1.0, 2, 1]) / 2
    torch.testing.assert_close(bilinear_kernel(4), quarter[:, None] * quarter)
    torch.testing.assert_close(bilinear_kernel(3), half[:, None] * half)


def test_a_fixed_upsampling_has_nothing_to_train():
    up = init_bilinear(Upsampling("channelwise", 3, 3, 2, 4, bias=False), learned=False)
    assert [p.requires_grad for p in up.parameters()] == [False]


@pytest.mark.parametrize("window", [(2, 2), (3, 2), (2, 3)])
@pytest.mark.parametrize("ceil", [False, True])
def test_the_positions_of_maxima_are_those_of_a_pooling(window, ceil):
    pool = nn.MaxPool2d(*window, ceil_mode=ceil, return_indices=True)
    x = noise(2, 3, 11, 8)
    assert torch.equal(max_pool_indices(x, pool), pool(x)[1])


def test_unpooling_puts_each_maximum_back_where_it_was():
    x = noise(2, 3, 6, 8)
    pooled = POOL(x)
    y = Upsampling("unpool", 3, 3).undo(pooled, x, POOL)
    assert torch.equal(POOL(y.abs()), pooled.abs())
    assert torch.equal(y[y != 0], x[y != 0])
    assert int((y != 0).sum()) == pooled.numel()


def test_unpooling_gives_the_size_that_was_pooled_with_rounding_up():
    pool = nn.MaxPool2d(2, 2, ceil_mode=True)
    x = noise(1, 2, 45, 60).abs() + 0.1
    assert pool(x).shape[-2:] == (23, 30)
    assert max_pool_indices(x, pool).max() < 45 * 60
    for kind in ("unpool", "bilinear", "transposed", "bed-of-nails"):
        assert Upsampling(kind, 2, 2).undo(pool(x), x, pool).shape == x.shape


def test_a_bed_of_nails_has_values_in_the_top_left_corners():
    y = BedOfNails(3)(torch.tensor([[[[1.0, 2.0]]]]))
    assert y[0, 0].tolist() == [[1, 0, 0, 2, 0, 0], [0] * 6, [0] * 6]


def test_a_crop_takes_the_size_of_another_map_from_its_offset():
    x = noise(1, 2, 9, 8)
    assert torch.equal(Crop(3)(x, noise(1, 5, 4, 2)), x[..., 3:7, 3:5])


def test_impossible_upsamplings_are_refused():
    with pytest.raises(InputError, match=r"no upsampling is named 'bilinaer'.*'bilinear'"):
        Upsampling("bilinaer", 2, 2)
    with pytest.raises(InputError, match="cannot turn 4 maps into 2"):
        Upsampling("channelwise", 4, 2)
    with pytest.raises(InputError, match=r"needs the switches.*Use transposed"):
        Upsampling("unpool", 2, 2)(noise(1, 2, 2, 2))


def test_grids_follow_a_window_and_an_enlargement_back():
    """The middle of a 2 x 2 pooling's first output lies between pixels 0 and 1."""
    pooled = Grid().window(2, 2, padding=0)
    assert pooled == Grid(0.5, 2)
    assert pooled.enlarged(2, 2) == Grid(0, 1)  # interpolation by two brings it back
    assert pooled.enlarged(4, 2) == Grid(-1, 1)  # a 4 x 4 kernel hangs over by one
    assert Grid(-1, 1).offset(Grid()) == 1
    same = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2), nn.MaxPool2d(3, 2, padding=1))
    assert Grid().through(same) == Grid(0, 2)
