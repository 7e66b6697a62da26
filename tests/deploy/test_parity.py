"""What the check of an exported file accepts and refuses."""

import pytest
import torch
from torch import nn

from canon.deploy.parity import Compared, Parity


class Fixed(nn.Module):
    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, x):
        return self.logits


def compared(expected, found, decides=True):
    module = Compared(Fixed(expected), Fixed(found), decides=decides)
    module(torch.zeros(1))
    return module.parity()


LOGITS = torch.tensor([[4.0, 0.0, 1.0], [0.0, 3.0, 1.0], [2.0, 0.0, 9.0], [1.0, 5.0, 0.0]])


def test_equal_outputs_have_no_fault():
    parity = compared(LOGITS, LOGITS.clone())
    assert parity.agreement == 1.0
    assert parity.largest == 0.0
    assert parity.faults() == []


def test_one_decision_of_four_that_differs_is_a_fault():
    other = LOGITS.clone()
    other[0] = torch.tensor([0.0, 4.0, 1.0])
    parity = compared(LOGITS, other)
    assert parity.agreement == 0.75
    assert any("25.00%" in fault for fault in parity.faults())


def test_a_near_tie_may_fall_either_way():
    tie, other = torch.tensor([[1.0, 1.0 - 1e-5]]), torch.tensor([[1.0 - 1e-5, 1.0]])
    parity = compared(tie, other)
    assert (parity.agreement, parity.ties) == (0.0, 1.0)
    assert parity.faults() == []


def test_a_score_layer_of_zeros_divides_nothing_by_zero():
    zeros = torch.zeros(2, 3)
    assert compared(zeros, zeros, decides=False).faults() == []


def test_an_output_that_is_no_number_is_a_fault():
    other = LOGITS.clone()
    other[:] = float("nan")
    assert compared(LOGITS, other).faults()


def test_the_difference_is_judged_by_its_99th_percentile():
    expected = torch.zeros(1, 1, 100, 100)
    expected[..., 0, 0] = 1.0
    few, many = expected.clone(), expected.clone()
    few[..., 50, :50] += 0.5  # half a percent
    many[..., 50:52, :] += 0.5  # two percent
    assert compared(expected, few, decides=False).faults() == []
    assert compared(expected, many, decides=False).faults()


@pytest.mark.parametrize(("before", "after", "faults"), [
    (0.9, 0.9, 0), (0.9, 0.8995, 0), (0.9, 0.89, 1), (0.9, 0.91, 1),
    (40.0, 40.03, 0), (40.0, 41.0, 1),
])  # fmt: skip
def test_the_metric_may_change_by_a_tenth_of_a_point(before, after, faults):
    parity = Parity(1, 0.0, 0.0, 0.0, 1.0, 0.0, "top-1", before, after)
    assert len(parity.faults()) == faults
