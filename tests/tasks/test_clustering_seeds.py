"""The choice among seeds, and the tables of several seeds."""

import numpy as np
import pytest

from canon.tasks.clustering.selection.seeds import agreements, chosen, seed_table, spread_table

ODD = np.array([0, 1, 0, 1, 0, 1, 0, 1])
HALVES = np.array([0, 0, 0, 0, 1, 1, 1, 1])
NEARLY = np.array([1, 1, 1, 0, 0, 0, 0, 0])  # the halves with other numbers, one sample moved
LABELS = HALVES


def test_agreement_is_the_mean_rand_index_with_the_others():
    # By hand: 3 + 6 pairs are together in both, 12 and 13 in each, 12 * 13 / 28 by chance.
    chance = 12 * 13 / 28
    near = (9 - chance) / ((12 + 13) / 2 - chance)
    found = agreements([HALVES, 1 - HALVES, NEARLY])
    assert found == pytest.approx([(1 + near) / 2, (1 + near) / 2, near])


def test_the_clustering_that_agrees_best_is_chosen():
    assert chosen([ODD, NEARLY, HALVES, 1 - HALVES]) == 2
    assert chosen([NEARLY, ODD, HALVES, 1 - HALVES]) == 2
    assert chosen([ODD, HALVES]) == 0  # two agree equally
    assert chosen([ODD]) == 0


def test_the_table_of_seeds_has_scores_and_the_choice():
    rows = seed_table([5, 6, 7], [ODD, HALVES, 1 - HALVES], LABELS).records()
    assert [row["seed"] for row in rows] == ["5", "6", "7"]
    assert [row["accuracy"] for row in rows] == [0.5, 1.0, 1.0]
    assert [row["taken"] for row in rows] == ["", "yes", ""]
    assert "accuracy" not in seed_table([5, 6], [ODD, HALVES], None).records()[0]
    one_class = np.zeros(8, np.int64)
    assert seed_table([0, 1], [ODD, HALVES], one_class).records()[0]["accuracy"] == 0.5


def test_the_spread_is_the_standard_deviation_over_seeds():
    found = {"k-means": [ODD, ODD, ODD], "dec": [ODD, HALVES, HALVES]}
    same, dec = spread_table(found, LABELS).records()
    assert same["mean accuracy"] == 0.5
    assert same["deviation of accuracy"] == 0
    assert same["agreement of seeds"] == 1
    assert dec["mean accuracy"] == pytest.approx(2.5 / 3)
    assert dec["deviation of accuracy"] == pytest.approx(0.5 / 3**0.5)  # of 0.5, 1, 1
    assert list(spread_table(found, None).records()[0]) == ["method", "agreement of seeds"]
