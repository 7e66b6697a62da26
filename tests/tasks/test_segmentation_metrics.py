import json

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    jaccard_score,
)

from canon.errors import InputError
from canon.tasks.segmentation.confusion import (
    confusion,
    dice,
    frequency_weighted_iou,
    iou,
    mean_accuracy,
    mean_iou,
    pixel_accuracy,
)
from canon.tasks.segmentation.metrics import SegmentationMetrics

SOURCE = np.random.default_rng(0)
TRUTH = SOURCE.choice([0, 1, 2, 3, 4, 255], (6, 32, 48), p=[0.4, 0.2, 0.15, 0.1, 0.05, 0.1])
TRUTH = TRUTH.astype(np.uint8)
GUESS = np.where(SOURCE.random(TRUTH.shape) < 0.6, TRUTH, SOURCE.integers(0, 5, TRUTH.shape))
GUESS[TRUTH == 255] = 255  # what is predicted on ignored pixels does not matter
COUNTED = TRUTH != 255
TRUE, PREDICTED = TRUTH[COUNTED], GUESS[COUNTED]
MATRIX = confusion(TRUTH, GUESS, 5)
# true 0: three pixels right, one taken for 1; true 1: two right; true 2: one taken for 0, one for 1
BY_HAND = np.array([[3, 1, 0, 0], [0, 2, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
NOTHING = np.zeros((3, 3), np.int64)


def metrics(*matrices, losses=None):
    matrices = np.stack(matrices)
    losses = np.zeros(len(matrices)) if losses is None else np.array(losses, np.float64)
    return SegmentationMetrics(matrices.shape[-1], matrices, losses)


def test_confusion_equals_that_of_scikit_learn_over_the_counted_pixels():
    assert np.array_equal(MATRIX, confusion_matrix(TRUE, PREDICTED))
    assert MATRIX.dtype == np.int64
    assert MATRIX.sum() == COUNTED.sum()


def test_another_value_can_be_ignored_such_as_11_in_camvid():
    truth = np.where(TRUTH == 255, 11, TRUTH)
    assert np.array_equal(confusion(truth, GUESS, 5, ignore=11), MATRIX)


def test_metrics_equal_those_of_scikit_learn():
    assert pixel_accuracy(MATRIX) == pytest.approx(accuracy_score(TRUE, PREDICTED))
    assert mean_accuracy(MATRIX) == pytest.approx(balanced_accuracy_score(TRUE, PREDICTED))
    assert iou(MATRIX) == pytest.approx(jaccard_score(TRUE, PREDICTED, average=None))
    assert mean_iou(MATRIX) == pytest.approx(jaccard_score(TRUE, PREDICTED, average="macro"))
    weighted = jaccard_score(TRUE, PREDICTED, average="weighted")
    assert frequency_weighted_iou(MATRIX) == pytest.approx(weighted)
    assert dice(MATRIX) == pytest.approx(f1_score(TRUE, PREDICTED, average=None))


def test_metrics_equal_a_hand_calculation():
    assert pixel_accuracy(BY_HAND) == pytest.approx(5 / 8)
    assert mean_accuracy(BY_HAND) == pytest.approx((3 / 4 + 2 / 2 + 0 / 2) / 3)
    ious = 3 / (4 + 4 - 3), 2 / (2 + 4 - 2), 0 / 2
    assert iou(BY_HAND) == pytest.approx([*ious, np.nan], nan_ok=True)
    assert mean_iou(BY_HAND) == pytest.approx(sum(ious) / 3)
    assert frequency_weighted_iou(BY_HAND) == pytest.approx((4 * 3 / 5 + 2 * 2 / 4) / 8)
    assert dice(BY_HAND) == pytest.approx([6 / 8, 4 / 6, 0, np.nan], nan_ok=True)


def test_a_class_that_is_only_predicted_has_a_union_but_no_accuracy():
    matrix = np.array([[1, 1], [0, 0]])
    assert iou(matrix).tolist() == [0.5, 0]
    assert mean_iou(matrix) == 0.25
    assert mean_accuracy(matrix) == 0.5


def test_nothing_counted_gives_nan_and_no_warning():
    empty = confusion(np.full((4, 4), 255), np.zeros((4, 4), int), 3)
    assert np.array_equal(empty, NOTHING)
    figures = pixel_accuracy, mean_accuracy, mean_iou, frequency_weighted_iou
    assert np.isnan([one(empty) for one in figures]).all()
    assert np.isnan([*iou(empty), *dice(empty)]).all()


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (np.zeros((2, 2), int), np.zeros((2, 3), int), r"the truth is \(2, 2\)"),
        (np.array([0, 3]), np.array([0, 1]), "the truth holds values from 0 to 3"),
        (np.array([0, 255]), np.array([-1, 9]), "the prediction holds values from -1 to -1"),
    ],
)
def test_maps_that_do_not_fit_are_refused(truth, predicted, message):
    with pytest.raises(InputError, match=message):
        confusion(truth, predicted, 3)


@pytest.mark.parametrize("figure", [pixel_accuracy, mean_accuracy, iou, mean_iou, dice])
def test_a_matrix_that_is_not_square_is_refused(figure):
    with pytest.raises(InputError, match="not square"):
        figure(np.zeros((3, 4), int))


def test_metrics_of_a_dataset_are_those_of_all_its_pixels():
    several = metrics(*(confusion(*maps, 5) for maps in zip(TRUTH, GUESS, strict=True)))
    assert several.count == 6
    assert np.array_equal(several.confusion, MATRIX)
    assert np.array_equal(several.pixels, COUNTED.sum((1, 2)))
    assert several.mean_iou == mean_iou(MATRIX)
    assert several.error == 1 - several.mean_iou
    assert several.mean_accuracy == mean_accuracy(MATRIX)
    assert several.pixel_accuracy == pixel_accuracy(MATRIX)
    assert several.frequency_weighted_iou == frequency_weighted_iou(MATRIX)
    assert np.array_equal(several.dice, dice(MATRIX))
    each = [mean_iou(one) for one in several.confusions]
    assert several.per_image() == pytest.approx(each)


def test_the_loss_is_a_mean_over_pixels_not_over_images():
    several = metrics(np.diag([3, 0, 0]), np.diag([0, 1, 0]), NOTHING, losses=[1, 5, np.nan])
    assert several.loss == (3 * 1 + 1 * 5) / 4
    assert several.ranking == (1, -2)


def test_worst_images_are_of_rising_mean_iou_and_one_without_pixels_is_none_of_them():
    right, half, wrong = np.diag([2, 2, 0]), np.diag([2, 2, 0]), np.diag([0, 0, 0])
    half[0, 1], wrong[0, 1] = 2, 4
    several = metrics(right, NOTHING, half, wrong)
    assert several.worst(2).tolist() == [3, 2]
    assert several.worst(9).tolist() == [3, 2, 0]
    assert several.per_image() == pytest.approx([1, np.nan, 0.5, 0], nan_ok=True)


def test_the_best_constant_prediction_is_the_best_of_all_tried():
    constants = [mean_iou(confusion(TRUTH, np.full_like(TRUTH, one), 6)) for one in range(6)]
    six = metrics(confusion(TRUTH, GUESS, 6))  # class 5 is never true
    assert six.constant() == pytest.approx(max(constants))


def test_a_summary_is_json_with_none_for_nan():
    summary = json.loads(json.dumps(metrics(BY_HAND, losses=[0.5]).summary(), allow_nan=False))
    assert summary["count"] == 1
    assert summary["pixels"] == 8
    assert summary["loss"] == 0.5
    assert summary["iou"] == pytest.approx([0.6, 0.5, 0, None])
    assert summary["dice"][3] is None
    assert summary["constant"] == pytest.approx(4 / 8 / 3)
    nothing = metrics(NOTHING).summary()
    assert nothing["mean_iou"] is None
    assert nothing["loss"] is None


def test_figures_and_classes_are_those_of_a_hand_calculation():
    of_four = metrics(BY_HAND, losses=[0.5])
    figures = {figure.name: figure.value for figure in of_four.figures()}
    assert figures["mean IoU"] == of_four.monitored.value == pytest.approx((3 / 5 + 2 / 4) / 3)
    assert figures["mean IoU of the best constant prediction"] == pytest.approx(4 / 8 / 3)
    assert figures["pixel accuracy"] == 5 / 8
    assert (figures["images"], figures["loss"]) == (1, 0.5)
    rows = of_four.per_class("abcd").records()
    assert rows[0] == {"class": "a", "pixels": 4, "share": 0.5, "IoU": 0.6, "Dice": 0.75,
                       "recall": 0.75}  # fmt: skip
    assert rows[3] == {"class": "d", "pixels": 0, "share": 0, "IoU": None, "Dice": None,
                       "recall": None}  # fmt: skip
    assert of_four.details("abcd")["confusion"] == BY_HAND.tolist()
    assert metrics(NOTHING).monitored.value is None
