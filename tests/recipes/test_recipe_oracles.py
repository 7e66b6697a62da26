"""The recipe of every paper against what it prints: `tests/oracles/recipes.toml`."""

import tomllib
from functools import reduce

import pytest

from canon.errors import InputError
from canon.models import names
from canon.recipes import paper
from tests.helpers.oracle import FOLDER

ORACLES = tomllib.loads((FOLDER / "recipes.toml").read_text())["recipe"]


def value(recipe, field):
    """That of a field; a dotted name is one of a part of the recipe. None if there is no such."""
    return reduce(lambda part, name: getattr(part, name, None), field.split("."), recipe)


def agrees(have, want):
    """Whether a value of a recipe is that of an oracle, where a list stands for a pair."""
    if isinstance(want, (float, list)):
        have = list(have) if isinstance(have, tuple) else have
        return have is not None and have == pytest.approx(want, rel=1e-5)
    return have == want


def trained():
    """The names of the networks that a paper trains."""
    for name in names():
        try:
            paper(name)
        except InputError:
            continue
        yield name


def test_every_recipe_has_an_oracle():
    known = [paper(name) for name in ORACLES]
    assert [name for name in trained() if paper(name) not in known] == []


@pytest.mark.parametrize("name", ORACLES)
def test_a_recipe_has_the_numbers_that_its_paper_prints(name):
    recipe, oracle = paper(name), ORACLES[name]
    expected = oracle.get("printed", {}) | oracle.get("released", {})
    wrong = {
        field: (value(recipe, field), want)
        for field, want in expected.items()
        if not agrees(value(recipe, field), want)
    }
    departures = {field: wrong.pop(field, None) for field in oracle.get("departs", [])}
    assert wrong == {}
    assert None not in departures.values()  # else it does not depart
    assert {field.split(".")[0] for field in departures} <= set(recipe.unprinted)


@pytest.mark.parametrize("name", [name for name in ORACLES if "rates" in ORACLES[name]])
def test_the_rate_falls_where_the_paper_says(name):
    recipe, oracle = paper(name), ORACLES[name]
    steps = oracle.get("steps", 100 * recipe.epochs)
    starts = [(s if "steps" in oracle else 100 * s, factor) for s, factor in oracle["rates"]]

    def factor(step):
        return recipe.schedule.factor(step, steps, recipe.epochs)

    before = 1.0
    if starts[0][0]:
        assert factor(0) == pytest.approx(before)
    for start, after in starts:
        if start:
            assert factor(start - 1) == pytest.approx(before)
        assert factor(start) == pytest.approx(after)
        before = after
    assert factor(steps - 1) == pytest.approx(before)


@pytest.mark.parametrize("name", ORACLES)
def test_what_a_paper_does_not_print_is_marked(name):
    recipe, oracle = paper(name), ORACLES[name]
    assert set(oracle.get("unprinted", [])) - set(recipe.unprinted) == set()
    assert set(oracle.get("printed", {})) & set(recipe.unprinted) == set()
