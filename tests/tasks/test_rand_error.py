import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from sklearn.metrics import f1_score
from sklearn.metrics.cluster import contingency_matrix

from canon.errors import InputError
from canon.tasks.segmentation.rand_error import cells, errors_by_threshold, rand_error


@pytest.fixture(scope="module")
def masks(real_data):
    """Three slices of the ISBI 2012 stack: whether a pixel is inside a cell."""
    files = sorted((real_data / "isbi_em" / "masks").glob("*.png"))[:3]
    return np.stack([np.asarray(Image.open(file)) > 0 for file in files])


def by_contingency(truth, predicted):
    """The error, with scikit-learn's table of overlaps and new labels for single pixels."""
    inside = truth > 0
    true, guess = truth[inside].astype(int), predicted[inside].astype(int)
    membrane = guess == 0
    guess[membrane] = guess.max() + 1 + np.arange(membrane.sum())
    table = contingency_matrix(true, guess, sparse=True).astype(float)
    both = (table.data**2).sum()
    split, merge = (both / np.square(table.sum(axis)).sum() for axis in (1, 0))
    return 1 - 2 * split * merge / (split + merge)


def test_two_merged_cells_have_the_error_worked_out_by_hand():
    truth = np.array([[1, 1, 1, 0, 2, 2]])
    merged = np.array([[1, 1, 1, 1, 1, 1]])
    # p_11 = 3, p_12 = 2; s_1 = 5; t_1 = 3, t_2 = 2
    assert rand_error(truth, merged) == pytest.approx(1 - (9 + 4) / (0.5 * 25 + 0.5 * (9 + 4)))


def test_a_split_cell_has_the_error_worked_out_by_hand():
    truth = np.array([[1, 1, 1, 1, 1]])
    split = np.array([[1, 1, 0, 2, 2]])
    # p: 2, 2 and a pixel alone; t_1 = 5
    assert rand_error(truth, split) == pytest.approx(1 - (4 + 4 + 1) / (0.5 * 9 + 0.5 * 25))


def test_all_membrane_leaves_every_pixel_alone():
    truth = np.array([[1, 1, 1, 2]])
    assert rand_error(truth, 0 * truth) == pytest.approx(1 - 4 / (0.5 * 4 + 0.5 * 10))


def test_the_error_follows_from_a_contingency_matrix_of_scikit_learn():
    source = np.random.default_rng(0)
    truth, predicted = source.integers(0, 9, (2, 40, 50))
    assert rand_error(truth, predicted) == pytest.approx(by_contingency(truth, predicted))
    similar = np.where(source.random(truth.shape) < 0.9, truth, predicted)
    assert rand_error(truth, similar) == pytest.approx(by_contingency(truth, similar))


def test_cell_numbers_and_predictions_on_membranes_do_not_matter():
    truth = np.array([[1, 1, 0, 2, 2]])
    assert rand_error(truth, np.array([[7, 7, 3, 4, 4]])) == 0


def test_no_true_cell_gives_nan():
    assert np.isnan(rand_error(np.zeros((3, 3), int), np.ones((3, 3), int)))
    errors = errors_by_threshold(np.zeros((1, 3, 3), bool), np.ones((1, 3, 3)))
    assert np.isnan([errors.rand, errors.pixel]).all()


def test_cells_are_4_connected_and_end_with_their_image():
    corner = np.array([[1, 0], [0, 1]], bool)
    assert cells(np.stack([corner, corner])).tolist() == [[[1, 0], [0, 2]], [[3, 0], [0, 4]]]


def test_real_masks_agree_with_themselves(masks):
    errors = errors_by_threshold(masks, masks.astype(np.float32))
    assert errors.rand == errors.pixel == 0
    assert errors.rands == errors.pixels == (0.0,) * 9


def test_eroded_real_masks_have_the_errors_of_scikit_learn(masks):
    eroded = np.stack([ndimage.binary_erosion(one) for one in masks])
    errors = errors_by_threshold(masks, eroded.astype(np.float32), (0.5,))
    assert errors.rand > 0
    assert errors.rand == pytest.approx(by_contingency(cells(masks), cells(eroded)))
    assert errors.pixel == pytest.approx(1 - f1_score(masks.ravel(), eroded.ravel()))


def test_the_errors_are_those_at_the_best_threshold_of_each():
    truth = np.array([[[1, 1, 1, 0, 1, 1, 1]]], bool)
    probability = np.array([[[0.3, 0.9, 0.9, 0.6, 0.9, 0.9, 0.3]]])
    errors = errors_by_threshold(truth, probability, [0.2, 0.5, 0.7])
    # Merged; merged without the ends; apart without the ends.
    rands = 1 - 18 / (18 + 9), 1 - 10 / (0.5 * 18 + 0.5 * 18), 1 - 10 / (0.5 * 10 + 0.5 * 18)
    assert errors.rands == pytest.approx(rands)
    assert errors.pixels == pytest.approx((1 / 13, 1 - 8 / 11, 1 - 8 / 10))
    assert (errors.rand, errors.rand_threshold) == (errors.rands[2], 0.7)
    assert (errors.pixel, errors.pixel_threshold) == (errors.pixels[0], 0.2)


def test_a_probability_at_the_threshold_is_membrane():
    truth = np.ones((1, 1, 2), bool)
    errors = errors_by_threshold(truth, np.array([[[0.5, 0.6]]]), [0.5])
    assert errors.pixel == pytest.approx(1 - 2 / 3)


def test_arrays_that_cannot_be_compared_are_refused():
    stack = np.zeros((1, 2, 2), bool)
    with pytest.raises(InputError, match=r"the truth is \(1, 2, 2\)"):
        errors_by_threshold(stack, np.zeros((2, 2)))
    with pytest.raises(InputError, match="stack of shape"):
        errors_by_threshold(stack[0], np.zeros((2, 2)))
    with pytest.raises(InputError, match="0 thresholds"):
        errors_by_threshold(stack, np.zeros((1, 2, 2)), [])
    with pytest.raises(InputError, match="negative"):
        rand_error(np.array([1, -1]), np.array([1, 1]))
