import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_score, recall_score, top_k_accuracy_score
from torch.nn import functional as F

from canon.models import build
from canon.tasks.classification.loss import ClassificationLoss
from canon.tasks.classification.metrics import wilson

SOURCE = torch.Generator().manual_seed(0)
LABELS = torch.randint(7, (200,), generator=SOURCE)
LOGITS = torch.randn(200, 7, generator=SOURCE) + 1.5 * F.one_hot(LABELS, 7)
TASK = ClassificationLoss(7)
SCORES = TASK.scores(TASK.record(LOGITS, LABELS))


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (10, 10), (1, 3), (9928, 10_000), (153, 200)])
def test_wilson_s_interval_is_scipy_s(hits, count):
    theirs = binomtest(hits, count).proportion_ci(0.95, "wilson")
    assert wilson(hits, count) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_an_interval_of_nothing_is_everything():
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_is_scikit_learn_s(k):
    assert SCORES.top(k) == pytest.approx(top_k_accuracy_score(LABELS, LOGITS, k=k))


def test_confusion_recall_and_precision_are_scikit_learn_s():
    said = LOGITS.argmax(1)
    assert np.array_equal(SCORES.confusion(), confusion_matrix(LABELS, said))
    assert SCORES.recall() == pytest.approx(recall_score(LABELS, said, average=None))
    assert SCORES.precision() == pytest.approx(precision_score(LABELS, said, average=None))


def test_a_class_without_samples_has_no_recall_and_one_never_named_no_precision():
    logits = F.one_hot(torch.tensor([0, 0, 1]), 3).float()
    scores = ClassificationLoss(3).scores(
        ClassificationLoss(3).record(logits, torch.tensor([0, 1, 1]))
    )
    assert np.isnan(scores.recall()).tolist() == [False, False, True]
    assert np.isnan(scores.precision()).tolist() == [False, False, True]


def test_the_loss_is_cross_entropy_in_nats_without_smoothing():
    assert SCORES.loss == pytest.approx(F.cross_entropy(LOGITS, LABELS).item(), rel=1e-6)
    smooth = ClassificationLoss(7, smoothing=0.1)
    assert smooth.scores(smooth.record(LOGITS, LABELS)).loss == pytest.approx(SCORES.loss)
    theirs = F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1)
    torch.testing.assert_close(smooth.losses(LOGITS, LABELS).mean(), theirs)


def test_equal_scores_count_for_the_class_that_argmax_takes():
    logits = torch.zeros(2, 4)
    scores = ClassificationLoss(4).scores(
        ClassificationLoss(4).record(logits, torch.tensor([0, 3]))
    )
    assert scores.rank.tolist() == [0, 3]
    assert scores.hits(1) == int((scores.predicted == scores.labels).sum()) == 1


def test_worst_samples_are_wrong_and_of_falling_loss():
    worst = SCORES.worst(5)
    assert all(SCORES.labels[worst] != SCORES.predicted[worst])
    assert list(SCORES.losses[worst]) == sorted(SCORES.losses[worst], reverse=True)
    wrong = SCORES.predicted != SCORES.labels
    assert SCORES.losses[worst[0]] == SCORES.losses[wrong].max()


def test_a_network_s_own_loss_takes_the_place_of_cross_entropy():
    net = build("lenet5")
    task = ClassificationLoss.of(net, 10)
    logits, labels = torch.randn(5, 10), torch.arange(5)
    assert torch.equal(task.losses(logits, labels), net.loss(logits, labels))
