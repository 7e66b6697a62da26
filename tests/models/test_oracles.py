"""Every network against a record that was transcribed from its paper or its authors' code."""

import pytest
import torch

from canon.models import build, model_info, names
from tests.helpers.operations import operations
from tests.helpers.oracle import differences, records
from tests.models.networks import every_network, published_input


def test_every_network_has_a_record():
    assert sorted(records()) == sorted(names())


@pytest.mark.parametrize("name", every_network())
def test_a_network_computes_what_its_record_lists(name):
    with torch.device("meta"):
        net = build(name, **records()[name].facts.get("options", {}))
        x = published_input(name, 2)
    assert differences(records()[name].layers, operations(net, x)) == []


@pytest.mark.parametrize("name", names())
def test_published_numbers_are_among_those_that_the_record_lists(name):
    published, facts = model_info(name).published, records()[name].facts
    listed = facts.get("errors", [])
    if published.errors is not None:
        matching = [one for one in listed if (one.get("top1"), one.get("top5"))
                    == (published.errors.top1, published.errors.top5)]  # fmt: skip
        assert any(one["where"] in published.errors.where for one in matching)
    for printed, what in ((published.printed_params, "params"), (published.printed_macs, "macs")):
        if printed is not None:
            assert printed.value == facts[f"printed_{what}"]


@pytest.mark.parametrize("name", [n for n in names() if "aux_weight" in records()[n].facts])
def test_auxiliary_losses_have_the_weight_of_the_record(name):
    with torch.device("meta"):
        assert build(name).aux_weight == records()[name].facts["aux_weight"]
