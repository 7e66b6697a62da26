"""Deformations of crops: mirrors, rotations, scales, and displacements of a coarse grid."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from canon.data.augment.deformation import OVERSHOOT, Deformation, cubic_weights
from canon.data.augment.draws import Draws
from canon.data.images.region import reflect_indices
from canon.errors import InputError


@pytest.mark.parametrize(
    ("start", "count", "size"), [(-3, 10, 5), (-20, 50, 4), (2, 3, 9), (-2, 5, 1)]
)
def test_places_beyond_a_border_are_mirrored_as_numpy_mirrors_them(start, count, size):
    before, after = max(0, -start), max(0, start + count - size)
    padded = np.pad(np.arange(size), (before, after), mode="reflect")
    assert (
        reflect_indices(start, start + count, size).tolist()
        == padded[start + before :][:count].tolist()
    )


@pytest.mark.parametrize("degrees", [1e-9, 30])
def test_rotations_are_uniform_up_to_the_largest_and_keep_lengths(degrees):
    draw = Draws(0)
    maps = Deformation(flip=False, rotate=degrees).affine_maps(4000, draw)
    assert torch.allclose(maps @ maps.mT, torch.eye(2), atol=1e-5)
    angle = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert angle.abs().max() <= degrees * 1.001
    assert angle.std().item() == pytest.approx(degrees / 3**0.5, rel=0.03)
    assert angle.mean().item() == pytest.approx(0, abs=0.05 * degrees)


@pytest.mark.parametrize(("knots", "side"), [(3, 64), (5, 33)])
def test_displacements_between_knots_equal_bicubic_interpolation_by_torch(knots, side):
    drawn = torch.randn(2, 2, knots, knots, generator=torch.Generator().manual_seed(0))
    ways = cubic_weights(knots, side)
    expected = F.interpolate(drawn, (side, side), mode="bicubic", align_corners=True)
    torch.testing.assert_close(ways @ drawn @ ways.T, expected, rtol=0, atol=1e-5)
    assert ways.abs().sum(1).max() ** 2 <= OVERSHOOT + 1e-6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": (0, 1)}, "the scale is 0 to 1; expected"),
        ({"scale": (2, 1)}, "the scale is 2 to 1; expected"),
        ({"rotate": -1}, "rotate is -1; expected"),
        ({"elastic": float("nan")}, "elastic is nan; expected"),
        ({"grid": 1}, "grid is 1 points per side; expected 2"),
    ],
)
def test_numbers_that_cannot_be_used_are_refused_in_one_line(given, message):
    with pytest.raises(InputError, match=message) as caught:
        Deformation(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("deformation", "random", "bends"),
    [
        (Deformation(flip=False, crop=False), False, False),
        (Deformation(crop=False), True, False),
        (Deformation(flip=False), True, False),
        (Deformation(flip=False, crop=False, scale=(2, 2)), False, True),
        (Deformation(flip=False, crop=False, scale=(1, 2)), True, True),
        (Deformation(flip=False, crop=False, rotate=1), True, True),
        (Deformation(flip=False, crop=False, elastic=1), True, True),
    ],
)
def test_a_deformation_reports_whether_it_is_random_and_whether_it_interpolates(
    deformation, random, bends
):
    assert (deformation.random, deformation.interpolates) == (random, bends)
