"""Numbers beside published ones: what is equal, and how far off."""

import pytest

from canon.errors import InputError
from canon.reproduce.figures import FIGURES, find
from canon.reproduce.result import Row, agreement


@pytest.mark.parametrize(
    ("row", "equal", "difference"),
    [
        (Row("a", 60_000, 60_000), True, "equal"),
        (Row("a", 132.86, 133, within=0.5), True, "equal"),
        (Row("a", 132.4, 133, within=0.5), False, "-0.6 (-0.5 %)"),
        (Row("a", 66, 60), False, "+6 (+10.0 %)"),
        (Row("a", 0.5, 0.0), False, "+0.5"),
        (Row("a", (6, 28, 28), (6, 28, 28)), True, "equal"),
        (Row("a", (6, 28, 28), (6, 27, 28)), False, "differs"),
        (Row("a", 1.0), None, ""),
    ],
)
def test_a_difference(row, equal, difference):
    assert row.equal is equal
    assert row.difference == difference


def test_agreement_counts_only_what_was_published():
    rows = (Row("a", 1, 1), Row("b", 2, 3), Row("c", 4), Row("d", 5, 5, expected=True))
    assert agreement(rows[::2]) == "The published number is reproduced."
    assert agreement(rows) == (
        "1 of 2 published numbers are reproduced. Different: b (-1 (-33.3 %))."
    )
    assert agreement((Row("e", 5, 6, expected=True),)) == "Different: e (-1 (-16.7 %))."
    assert Row("d", 5, 5, expected=True).texts()[2] == "5 (expected)"


def test_figures_have_numbers_and_names_of_their_own():
    assert [figure.number for figure in FIGURES] == [*range(1, 19)]
    assert len({figure.name for figure in FIGURES}) == 18
    assert find("6") is find("degradation")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("19", "expected 1 to 18"), ("degredation", "Did you mean 'degradation'?")],
)
def test_an_unknown_figure_is_a_sentence(name, sentence):
    with pytest.raises(InputError, match=sentence.replace("?", r"\?")):
        find(name)
