"""`canon list`."""

import csv
import io
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
    protocols = {r["model"]: r["images"].get("protocol") for r in rows if r["name"] == "paper"}
    expected = {"alexnet": "10-crop", "googlenet": "multi-crop", "vgg16": "dense"}
    assert protocols | expected == protocols
    assert "prototype" not in protocols


def test_recipes_show_every_number_and_mark_those_that_no_paper_prints(printed):
    rows = json.loads(printed("list", "recipes", "--json"))
    googlenet = next(r for r in rows if r["model"] == "googlenet" and r["name"] == "paper")
    assert googlenet["optimizer"] == {"kind": "sgd", "momentum": 0.9, "nesterov": False}
    assert googlenet["images"]["augmentation"]["area"] == [0.08, 1.0]
    assert {"lr", "batch", "epochs", "decay"} <= set(googlenet["unprinted"])
    text = " ".join(printed("list", "recipes", "--csv").split())
    assert "SGD with momentum 0.9, lr 0.01*, batch 32*, 60 epochs*, schedule exponential" in text
    assert "label smoothing 0.1" in text


def test_weights_of_classes_borders_and_dice_are_named_where_a_recipe_has_them(printed):
    rows = csv.DictReader(io.StringIO(printed("list", "recipes", "--csv")))
    images = {(row["recipe"], row["models"].split(", ")[0]): row["images"] for row in rows}
    assert images["paper", "unet"] == (
        "augmentation: crops, flips and quarter turns, elastic displacements of 10 pixels, "
        "classes weighted by median frequency*, weight 10 of borders, "
        "test protocol: whole images, normalization standard*"
    )
    assert images["paper", "deconvnet"] == (
        "augmentation: crops, horizontal flips, test protocol: whole images, normalization mean*"
    )


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
