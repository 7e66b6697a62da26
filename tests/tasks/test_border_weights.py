import time
from math import exp

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from canon.errors import InputError
from canon.tasks.segmentation.border_weights import border_weights


def by_brute_force(mask, class_weights, w0=10.0, sigma=5.0):
    """The formula, with one distance transform of the whole image a cell."""
    labels, count = ndimage.label(mask == 1)  # of masks with one class of cells
    far = [ndimage.distance_transform_edt(labels != cell) for cell in range(1, count + 1)]
    d1, d2 = np.sort(far, axis=0)[:2]
    second = w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))
    weights = np.array([*class_weights, *[0] * 254])[mask]
    return weights + np.where(mask == 0, second, 0)


def scattered(side, count, size, seed=0):
    mask = np.zeros((side, side), np.uint8)
    for row, column in np.random.default_rng(seed).integers(0, side - size, (count, 2)):
        mask[row : row + size, column : column + size] = 1
    return mask


@pytest.mark.parametrize(("w0", "sigma"), [(10, 5), (3, 2), (10, 12), (1e-9, 5)])
def test_weights_are_those_of_a_distance_transform_for_each_cell(w0, sigma):
    mask = scattered(120, 25, 9)
    mask[:10, :40] = 255
    ours = border_weights(mask, (0.7, 1.3), w0=w0, sigma=sigma)
    assert ours.dtype == np.float32
    assert ours == pytest.approx(by_brute_force(mask, (0.7, 1.3), w0, sigma), abs=3e-6)


def test_a_gap_of_three_pixels_weighs_what_the_formula_says():
    mask = np.array([[1, 1, 0, 0, 0, 1, 1]], np.uint8)  # d1 + d2 = 1 + 3, 2 + 2, 3 + 1
    weights = border_weights(mask, (0.5, 2), w0=10, sigma=5)
    gap = 0.5 + 10 * exp(-(4**2) / (2 * 5**2))
    assert weights[0] == pytest.approx([2, 2, gap, gap, gap, 2, 2])


def test_a_gap_of_one_pixel_on_a_slant_separates_cells():
    gap = np.eye(9, dtype=bool)
    weights = border_weights((~gap).astype(np.uint8), (1, 1))
    assert weights[gap] == pytest.approx(np.full(9, 1 + 10 * exp(-4 / 50)))


def test_cells_that_touch_are_two_if_their_classes_differ():
    mask = np.array([[1, 2, 0]], np.uint8)
    weights = border_weights(mask, (1, 1, 1))
    assert weights[0, 2] == pytest.approx(1 + 10 * exp(-(3**2) / 50))


def test_ignored_pixels_weigh_nothing_and_are_no_cell():
    mask = np.array([[1, 0, 255, 0, 255]], np.uint8)
    assert border_weights(mask, (1, 2)).tolist() == [[2, 1, 0, 1, 0]]


def test_the_background_may_be_another_class():
    mask = scattered(40, 5, 7)
    ours = border_weights(1 - mask, (3, 1), background=1)
    assert np.array_equal(ours, border_weights(mask, (1, 3)))


def test_one_cell_or_none_has_the_weights_of_the_classes():
    mask = scattered(20, 1, 5)
    assert np.array_equal(border_weights(mask, (1, 2)), 1 + mask)
    assert np.array_equal(border_weights(0 * mask, (1, 2)), np.ones_like(mask))


def test_real_masks_take_far_less_than_half_a_second(real_data):
    picture = Image.open(real_data / "isbi_em" / "masks" / "00.png")
    mask = (np.asarray(picture) > 0).astype(np.uint8)
    assert ndimage.label(mask)[1] == 136
    started = time.process_time()
    border_weights(mask, (1, 1))
    assert time.process_time() - started < 0.5
    corner = mask[:160, :160]
    assert border_weights(corner, (1, 1)) == pytest.approx(by_brute_force(corner, (1, 1)), abs=3e-6)


@pytest.mark.parametrize(
    ("mask", "numbers", "message"),
    [
        (np.zeros((1, 4, 4), np.uint8), {}, r"shape \(1, 4, 4\)"),
        (np.full((4, 4), 2, np.uint8), {}, "the mask holds 2, and 2 class weights"),
        (np.zeros((4, 4), np.uint8), {"sigma": 0}, "sigma = 0"),
        (np.zeros((4, 4), np.uint8), {"w0": -1}, "w0 = -1"),
    ],
)
def test_unusable_masks_and_numbers_are_refused(mask, numbers, message):
    with pytest.raises(InputError, match=message):
        border_weights(mask, (1, 1), **numbers)
