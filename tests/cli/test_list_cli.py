"""`canon list`."""

import json

import pytest

from canon.models import names


@pytest.mark.parametrize("what", ["models", "data", "recipes"])
def test_a_list_is_printed_as_text_and_json(what, printed):
    rows = json.loads(printed("list", what, "--json"))
    assert len(rows) >= 4
    assert next(iter(rows[0].values())) in printed("list", what)


def test_recipes_are_listed_with_the_protocol_of_their_paper(printed):
    rows = json.loads(printed("list", "recipes", "--json"))
    protocols = {row["model"]: row["protocol"] for row in rows if row["recipe"] == "paper"}
    expected = {"alexnet": "10-crop", "googlenet": "multi-crop", "vgg16": "dense"}
    assert protocols | expected == protocols
    assert "prototype" not in protocols


def test_models_are_listed_with_cost_and_published_error(printed):
    models = json.loads(printed("list", "--json"))
    assert [row["model"] for row in models] == list(names())
    by_name = {row["model"]: row for row in models}
    assert by_name["senet154"]["multiplications"] == 20_688_363_520
    assert by_name["senet154"]["top-1 error"] == "18.68 %"
    assert "fcn8s" in printed("list", "models", "--csv")


def test_ensembles_are_listed_with_members_and_published_error(printed):
    (trimps,) = json.loads(printed("list", "ensembles", "--json"))
    assert trimps["members"].count(",") == 4
    assert trimps["top-5 error"] == "2.99 %"


def test_weights_are_listed_with_model_and_file(printed):
    weights = json.loads(printed("list", "weights", "--json"))
    assert {"weights", "model", "file"} <= set(weights[0])
    assert len(weights) == 23
