from dataclasses import dataclass
from math import log

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.errors import DataError, InputError
from canon.tasks.segmentation.loss import (
    SegmentationLoss,
    dice_losses,
    median_frequency,
    sample_losses,
)

# The weights of SegNet's CamVid model, in its order: sky, building, pole, road, pavement, tree,
# sign, fence, car, pedestrian, bicyclist.
CAMVID = (0.2595, 0.1826, 4.5640, 0.1417, 0.9051, 0.3826, 9.6446, 1.8418, 0.6823, 6.2478, 7.3614)


@dataclass
class Labelled:
    classes: Tensor
    weight: Tensor | None = None


def sample(n=3, k=4, side=8, seed=0):
    """Logits and classes, of which the last sample's are all ignored."""
    source = torch.Generator().manual_seed(seed)
    classes = torch.randint(k, (n, side, side), generator=source)
    classes[0, :2], classes[-1] = 255, 255
    return torch.randn(n, k, side, side, generator=source), classes


def test_sample_losses_are_cross_entropy_over_the_counted_pixels_of_each_image():
    logits, classes = sample()
    ours = sample_losses(logits, classes)
    theirs = [F.cross_entropy(logits[i][None], classes[i][None], ignore_index=255) for i in (0, 1)]
    torch.testing.assert_close(ours, torch.stack([*theirs, torch.tensor(0.0)]))


def test_unweighted_training_losses_equal_the_sample_losses():
    logits, classes = sample()
    ours = SegmentationLoss(4).losses(logits, Labelled(classes))
    assert torch.equal(ours, sample_losses(logits, classes))


def test_weighted_losses_are_those_worked_out_by_hand():
    logits = torch.tensor([[[[0.0, log(3), 0.0]], [[0.0, 0.0, 0.0]]]])  # p(0) = 1/2, 3/4, 1/2
    target = Labelled(torch.tensor([[[0, 1, 255]]]), torch.tensor([[[2.0, 0.5, 7.0]]]))
    loss = SegmentationLoss(2, weights=(1.5, 10)).losses(logits, target)
    assert loss.item() == pytest.approx((1.5 * 2 * log(2) + 10 * 0.5 * log(4)) / 2)


def test_class_weights_do_not_cancel_in_an_image_of_one_class():
    logits, classes = sample()
    classes[:] = 2
    plain = SegmentationLoss(4).losses(logits, Labelled(classes))
    weighted = SegmentationLoss(4, (1, 1, 5, 1)).losses(logits, Labelled(classes))
    torch.testing.assert_close(weighted, 5 * plain)


def test_the_dice_loss_is_that_worked_out_by_hand():
    p = torch.tensor([[0.5, 0.75, 0.5], [0.25, 0.125, 0.25], [0.25, 0.125, 0.25]])
    classes = torch.tensor([[[0, 1, 255]]])
    first = 2 * 0.5 / (0.5**2 + 0.75**2 + 1)
    second = 2 * 0.125 / (0.25**2 + 0.125**2 + 1)
    ours = dice_losses(p.log()[None, :, None], classes)
    assert ours.item() == pytest.approx(1 - (first + second) / 2)
    plain, both = (
        SegmentationLoss(3, dice=dice).losses(p.log()[None, :, None], Labelled(classes))
        for dice in (0, 0.3)
    )
    torch.testing.assert_close(both, plain + 0.3 * ours)


def test_the_dice_loss_is_0_where_all_is_right_and_1_where_all_is_wrong():
    _, classes = sample()
    sure = 100 * F.one_hot(classes.clamp_max(3), 4).movedim(3, 1).float()
    torch.testing.assert_close(dice_losses(sure, classes), torch.zeros(3))
    wrong = dice_losses(sure.roll(1, 1), classes)
    torch.testing.assert_close(wrong, torch.tensor([1.0, 1.0, 0.0]))


def test_an_image_of_ignored_pixels_has_no_loss_and_no_gradient():
    logits, classes = sample()
    logits.requires_grad_()
    objective = SegmentationLoss(4, weights=(1, 2, 3, 4), dice=0.5)
    losses = objective.losses(logits, Labelled(classes, torch.ones(classes.shape)))
    losses.sum().backward()
    assert losses[2] == 0
    assert losses[:2].min() > 0
    assert not logits.grad[2].any()
    assert not logits.grad[0, :, :2].any()  # nor do ignored pixels of another image
    assert logits.grad[0, :, 2:].all()


def test_gradients_are_those_of_finite_differences():
    logits, classes = sample(2, 3, 3)
    objective, weight = SegmentationLoss(3, (0.5, 2, 1), dice=1), torch.rand(classes.shape).double()
    target = Labelled(classes, weight)
    assert torch.autograd.gradcheck(
        lambda x: objective.losses(x, target), logits.double().requires_grad_()
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_scores_of_a_large_map_lose_nothing_in_the_sums(dtype):
    source = torch.Generator().manual_seed(1)
    logits = (4 * torch.randn(1, 2, 400, 400, generator=source)).to(dtype)  # 160 000 > 65 504
    classes = torch.randint(2, (1, 400, 400), generator=source)
    objective = SegmentationLoss(2, (1, 3), dice=1)
    with torch.autocast("cpu", dtype):
        ours = objective.losses(logits, Labelled(classes))
    exact = objective.losses(logits.double(), Labelled(classes))
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=0)


def test_scores_of_another_size_than_the_classes_are_refused():
    logits, classes = sample()
    with pytest.raises(InputError, match=r"\(8, 4\) pixels do not fit classes of \(8, 8\)"):
        SegmentationLoss(4).losses(logits[..., :4], Labelled(classes))
    with pytest.raises(InputError, match=r"\(8, 4\) pixels do not fit classes of \(8, 8\)"):
        sample_losses(logits[..., :4], classes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((256,), "256 classes"),
        ((0,), "0 classes"),
        ((3, (1.0, 2.0)), "2 weights for 3 classes"),
        ((2, (1.0, -2.0)), "a weight of -2.0"),
        ((2, (1.0, float("nan"))), "a weight of nan"),
        ((2, None, float("inf")), "a weight of inf"),
    ],
)
def test_unusable_weights_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        SegmentationLoss(*arguments)


def test_the_network_itself_is_trained():
    net = nn.Conv2d(3, 2, 1)
    assert SegmentationLoss(2).module(net) is net


def test_median_frequency_is_that_worked_out_by_hand():
    # Class 0: 60 of 200 pixels; 1: 40 of the first 100; 2: 100 of 200; 3: none.
    pixels = np.array([[30, 40, 30, 0], [30, 0, 70, 0]])
    assert median_frequency(pixels) == pytest.approx([0.4 / 0.3, 1, 0.4 / 0.5, 0])


def test_the_published_weights_of_camvid_are_those_of_twelve_classes_with_the_void():
    # The 11 alone have the median weight 0.9051, not 1. The median frequency of 12 is half way
    # between pavement's and the void's, so that the void's is 2 - 1 / 0.9051 medians.
    medians = [1 / weight for weight in CAMVID] + [2 - 1 / CAMVID[4]]
    ours = median_frequency(np.array([medians]) * 1e9 // 1)
    assert ours[:11] == pytest.approx(CAMVID, rel=1e-6)


def test_unusable_pixel_counts_are_refused():
    with pytest.raises(DataError, match="no mask holds a pixel"):
        median_frequency(np.zeros((2, 3), int))
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        median_frequency(np.ones(3, int))
