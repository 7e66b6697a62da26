from math import sqrt

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_score, recall_score, top_k_accuracy_score
from torch.nn import functional as F

from canon.models import build
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.metrics import ClassificationMetrics, wilson

SOURCE = torch.Generator().manual_seed(0)
LABELS = torch.randint(7, (200,), generator=SOURCE)
LOGITS = torch.randn(200, 7, generator=SOURCE) + 1.5 * F.one_hot(LABELS, 7)


def metrics_of(logits, labels, smoothing=0.0):
    figures = ClassificationLoss(smoothing).sample_figures(logits, labels)
    return ClassificationMetrics.of(figures, logits.shape[1])


METRICS = metrics_of(LOGITS, LABELS)


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (10, 10), (1, 3), (9928, 10_000), (153, 200)])
def test_the_wilson_interval_follows_the_formula_of_1927(hits, count):
    """E. B. Wilson, JASA 22 (1927): all p whose z-score against the share found is at most z."""
    z, p = 1.959963984540054, hits / count  # the 97.5 % quantile of the normal distribution
    middle = (p + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * sqrt(p * (1 - p) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    assert wilson(hits, count) == pytest.approx((middle - half, middle + half), abs=1e-12)


def test_the_interval_of_no_trials_is_all_fractions():
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_equals_that_of_scikit_learn(k):
    assert METRICS.top(k) == pytest.approx(top_k_accuracy_score(LABELS, LOGITS, k=k))


def test_confusion_recall_and_precision_equal_those_of_scikit_learn():
    predicted = LOGITS.argmax(1)
    assert np.array_equal(METRICS.confusion(), confusion_matrix(LABELS, predicted))
    assert METRICS.recall() == pytest.approx(recall_score(LABELS, predicted, average=None))
    assert METRICS.precision() == pytest.approx(precision_score(LABELS, predicted, average=None))


def test_a_class_without_samples_has_no_recall_and_one_never_predicted_no_precision():
    logits = F.one_hot(torch.tensor([0, 0, 1]), 3).float()
    metrics = metrics_of(logits, torch.tensor([0, 1, 1]))
    assert np.isnan(metrics.recall()).tolist() == [False, False, True]
    assert np.isnan(metrics.precision()).tolist() == [False, False, True]


def test_the_loss_is_cross_entropy_in_nats_without_smoothing():
    assert METRICS.loss == pytest.approx(F.cross_entropy(LOGITS, LABELS).item(), rel=1e-6)
    smooth = ClassificationLoss(smoothing=0.1)
    assert metrics_of(LOGITS, LABELS, 0.1).loss == pytest.approx(METRICS.loss)
    theirs = F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1)
    torch.testing.assert_close(smooth.losses(LOGITS, LABELS).mean(), theirs)


def test_equal_scores_count_for_the_class_that_argmax_takes():
    logits = torch.zeros(2, 4)
    metrics = metrics_of(logits, torch.tensor([0, 3]))
    assert metrics.rank.tolist() == [0, 3]
    assert metrics.hits(1) == int((metrics.predicted == metrics.labels).sum()) == 1


def test_worst_samples_are_wrong_and_of_falling_loss():
    worst = METRICS.worst(5)
    assert all(METRICS.labels[worst] != METRICS.predicted[worst])
    assert list(METRICS.losses[worst]) == sorted(METRICS.losses[worst], reverse=True)
    wrong = METRICS.predicted != METRICS.labels
    assert METRICS.losses[worst[0]] == METRICS.losses[wrong].max()


def test_a_loss_of_the_network_replaces_cross_entropy():
    net = build("lenet5")
    objective = ClassificationLoss.of(net)
    logits, labels = torch.randn(5, 10), torch.arange(5)
    assert torch.equal(objective.losses(logits, labels), net.loss(logits, labels))


def test_figures_summary_and_classes_are_those_of_a_hand_calculation():
    """Of samples 0, 0, 1, 1, 2, 5 predicted as 0, 1, 1, 1, 0, 5, of six classes."""
    labels, predicted = torch.tensor([0, 0, 1, 1, 2, 5]), torch.tensor([0, 1, 1, 1, 0, 5])
    metrics = metrics_of(F.one_hot(predicted, 6).float(), labels)
    figures = {figure.name: figure for figure in metrics.figures()}
    assert list(figures) == ["top-1", "top-5", "wrong", "images", "loss"]
    assert figures["top-1"].value == metrics.top(1) == 4 / 6
    assert figures["top-1"].interval == wilson(4, 6)
    assert (figures["wrong"].value, figures["images"].value) == (2, 6)
    low, high = wilson(4, 6)
    assert metrics.monitored.value == metrics.error == pytest.approx(2 / 6)
    assert metrics.monitored.interval == (1 - high, 1 - low)
    assert metrics.ranking == (4 / 6, -metrics.loss)
    rows = metrics.per_class("abcdef").records()
    assert rows[0] == {"class": "a", "images": 2, "recall": 0.5, "precision": 0.5}
    assert rows[1] == {"class": "b", "images": 2, "recall": 1.0, "precision": 2 / 3}
    assert rows[3] == {"class": "d", "images": 0, "recall": None, "precision": None}
    assert metrics.summary()["top1_interval"] == [low, high]
    assert metrics.details("abcdef")["confusion"][2] == [1, 0, 0, 0, 0, 0]
