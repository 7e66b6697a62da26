"""`canon reproduce`: one figure, the list, and a page of all."""

import json

import pytest

from canon.cli import main
from canon.errors import DataError
from canon.reproduce import figures
from canon.reproduce.figures import FIGURES, Reproduction
from tests.helpers.commands import refused


def test_the_list_names_every_figure(printed):
    listed = json.loads(printed("reproduce", "list", "--json"))
    assert [one["figure"] for one in listed] == [figure.name for figure in FIGURES]
    assert json.loads(printed("list", "figures", "--json"))[0]["figure"] == "output-sizes"


def test_one_figure_is_printed_and_drawn(printed, tmp_path):
    text = printed("reproduce", "2", "--out", tmp_path)
    assert "60,000" in text
    assert "All 19 published numbers are reproduced." in text
    assert (tmp_path / "lenet5-1.svg").read_text().startswith("<svg")
    record = json.loads(printed("reproduce", "lenet5", "--out", tmp_path, "--json"))
    assert {row["difference"] for row in record["rows"]} == {"equal"}


def test_a_figure_of_another_name_is_refused(capsys):
    assert "Did you mean 'degradation'?" in refused(capsys, "reproduce", "degredation")


@pytest.fixture
def few(monkeypatch):
    """A list of two figures, of which one lacks its data."""

    def missing(work):
        raise DataError("mnist is not there; expected a download. Connect to the internet.")

    monkeypatch.setattr(
        figures, "FIGURES", (FIGURES[0], FIGURES[1], Reproduction(3, "c", "claim", "none", 1))
    )
    own = Reproduction.run
    monkeypatch.setattr(
        Reproduction, "run",
        lambda self, *more: missing(*more) if self.name == "c" else own(self, *more),
    )  # fmt: skip


def test_what_lacks_data_says_so_and_the_rest_is_done(few, tmp_path, capsys):
    assert main(["reproduce", "all", "--out", str(tmp_path)]) == 1
    assert "not run: mnist is not there" in capsys.readouterr().err
    page = (tmp_path / "figures.md").read_text()
    assert "Not run: mnist is not there; expected a download." in page
    assert "All 19 published numbers are reproduced." in page
    assert "](figures/output-sizes-1.svg)" in page
    assert (tmp_path / "figures" / "output-sizes-1.svg").is_file()
    html = (tmp_path / "figures.html").read_text()
    assert html.count('src="data:image/svg+xml;base64,') == 3
    assert "http://" not in html.replace("http://www.w3.org", "")
    records = json.loads((tmp_path / "figures.json").read_text())
    assert [("rows" in one, "missing" in one) for one in records] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip


def test_a_missing_dataset_is_a_sentence_for_one_figure(few, capsys):
    assert "expected a download" in refused(capsys, "reproduce", "c")


def test_the_cost_of_full_scale_is_printed_first(monkeypatch, capsys):
    def stop(*_):
        raise DataError("no. expected none. Stop.")

    monkeypatch.setattr(Reproduction, "run", stop)
    main(["reproduce", "degradation", "--scale", "full"])
    assert "nine networks of 164 epochs" in capsys.readouterr().err
