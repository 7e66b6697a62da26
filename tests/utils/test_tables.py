import json

import pytest

from canon.utils.tables import Column, Figure, Table, format_value


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.12345, "fraction", "12.35 %"), (1234567, "count", "1,234,567"), (0.5, "nats", "0.5000"),
     ("cat", "text", "cat"), (None, "fraction", ""), (float("nan"), "fraction", "")],
)  # fmt: skip
def test_a_value_is_shown_in_its_unit(value, unit, text):
    assert format_value(value, unit) == text


def test_a_figure_shows_its_interval_and_an_undefined_value():
    assert str(Figure("top-1", 0.9, interval=(0.85, 0.95))) == (
        "top-1 90.00 % (95 % interval 85.00 % to 95.00 %)"
    )
    assert str(Figure("mean IoU", None)) == "mean IoU undefined"


def test_a_table_gives_texts_and_json_without_nan():
    columns = Column("class"), Column("images", "count"), Column("recall", "fraction")
    table = Table(columns, (("cat", 1200, 0.5), ("dog", 0, float("nan"))))
    assert table.head == ["class", "images", "recall"]
    assert table.texts() == [["cat", "1,200", "50.00 %"], ["dog", "0", ""]]
    records = json.loads(json.dumps(table.records(), allow_nan=False))
    assert records[1] == {"class": "dog", "images": 0, "recall": None}
