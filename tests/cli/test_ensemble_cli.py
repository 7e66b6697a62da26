"""`canon ensemble`."""

import re

from canon.cli import main
from tests.helpers.commands import refused


def test_runs_are_combined_and_the_result_is_evaluated(digits_run, printed, capsys, tmp_path):
    other = tmp_path / "1"
    main(["train", "lenet5-modern", "--epochs", "1", "--seed", "1", "--device", "cpu", "--out",
          str(other)])  # fmt: skip
    members, combined = (digits_run.path, other), tmp_path / "combined"
    text = printed("ensemble", *members, "--out", combined, "--weights", "equal")
    assert text.count("0.5000") == 2
    assert re.search(r"top-1 on val: [\d.]+ %; its best member alone: [\d.]+ %", text)
    assert "\nval:\n  top-1 " in printed("evaluate", combined, "--device", "cpu")
    assert "single runs" in refused(capsys, "compare", combined)
    compared = printed("compare", combined, members[0])
    assert str(members[0]) in compared
    assert str(combined) not in compared
    line = refused(capsys, "ensemble", *members, "--weights", "much")
    assert "--weights must be accuracy, equal, or numbers separated by commas, got 'much'" in line
    line = refused(capsys, "ensemble", members[0])
    assert "an ensemble needs at least two runs, got 1" in line
