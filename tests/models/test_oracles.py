"""Every network against a record that was transcribed from its paper or its authors' code."""

import re
import tomllib
from math import prod

import pytest
import torch

from canon.models import build, ensembles, model_info, names, published_ensemble
from tests.helpers.operations import operations
from tests.helpers.oracle import FOLDER, differences, records
from tests.models.networks import THOUSANDS, every_network, published_input


def test_every_network_has_a_record():
    assert sorted(records()) == sorted(names())


@pytest.mark.parametrize("name", every_network(set(names()) - THOUSANDS))
def test_a_network_computes_what_its_record_lists(name):
    with torch.device("meta"):
        net = build(name, **records()[name].facts.get("options", {}))
        x = published_input(name, 2)
    assert differences(records()[name].layers, operations(net, x)) == []


@pytest.mark.parametrize("name", names())
def test_published_errors_are_those_of_their_table_and_protocol(name):
    errors = model_info(name).published.errors
    printed = records()[name].facts.get("errors", [])
    if errors is None:
        assert not printed
        return
    rows = [one for one in printed
            if all(words in errors.where for words in (one["where"], *one["tested"]))]  # fmt: skip
    assert {(one.get("top1"), one.get("top5")) for one in rows} == {(errors.top1, errors.top5)}


@pytest.mark.parametrize("name", names())
def test_printed_sizes_have_the_digits_of_the_paper(name):
    published, facts = model_info(name).published, records()[name].facts
    for what in ("params", "macs"):
        printed, record = getattr(published, f"printed_{what}"), facts.get(f"printed_{what}")
        if printed is None:
            continue
        value, half = digits(record["as"])
        assert printed.value == pytest.approx(value, rel=1e-9)
        assert record["where"] == printed.where
        assert printed.within == pytest.approx(facts.get("within", {}).get(what, half))
        assert printed.norms == record.get("norms", True)


def digits(text):
    """A printed number and half a unit of its last digit: "0.27M" is 270,000 and 5,000."""
    number, unit = text.replace(",", "").rstrip("MG"), {"M": 1e6, "G": 1e9}.get(text[-1], 1)
    half = 0.5 * 10.0 ** -len(number.partition(".")[2]) if unit > 1 else 0
    return float(number) * unit, half * unit


def test_digits_of_printed_numbers():
    assert digits("0.27M") == (270_000, pytest.approx(5_000))
    assert digits("134M") == (134e6, 0.5e6)
    assert digits("22,855,952") == (22_855_952, 0)


@pytest.mark.parametrize("name", [n for n in names("segment") if n != "encoder-decoder"])
def test_the_step_of_a_network_is_the_product_of_the_strides_of_its_encoder(name):
    lines = [layer.text for layer in records()[name].layers]
    up = next(i for i, line in enumerate(lines) if line.startswith(("deconv", "unpool")))
    strides = [int(s) for line in lines[:up] for s in re.findall(r" s(\d+)", line)]
    with torch.device("meta"):
        assert build(name).step == prod(strides)


def test_the_ensemble_has_the_members_and_the_error_of_its_slides():
    record = tomllib.loads((FOLDER / "trimps.toml").read_text())["ensemble"]
    assert set(ensembles()) == set(record)
    for name, facts in record.items():
        found = published_ensemble(name)
        assert list(found.members) == facts["members"]
        assert found.errors.top5 == facts["errors"]["top5"]
        assert found.errors.where == facts["errors"]["tested"]


def test_layers_are_counted_as_the_papers_count_them():
    counted = {name: model_info(name).published.layers for name in names()}
    record = tomllib.loads((FOLDER / "depths.toml").read_text())["counted"]
    assert {name: layers for name, layers in counted.items() if layers} == record


@pytest.mark.parametrize("name", names())
def test_a_network_names_the_paper_of_its_record(name):
    paper, record = model_info(name).paper, records()[name].facts["paper"]
    found = (paper.authors, paper.title, paper.venue, paper.year, paper.identifier)
    assert list(found) == record


@pytest.mark.parametrize("name", [n for n in names() if "aux_weight" in records()[n].facts])
def test_auxiliary_losses_have_the_weight_of_the_record(name):
    with torch.device("meta"):
        assert build(name).aux_weight == records()[name].facts["aux_weight"]
