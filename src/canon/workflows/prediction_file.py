"""Predictions as a file: written as they are made, continued after an interruption, whole at last.

While predictions are made, they are lines of JSON in a hidden file next to the target. The target
is made of them at the end, row by row, so that memory does not grow with the number of images.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from canon.tasks.base import Prediction
from canon.utils.files import atomic_write
from canon.utils.tables import Column, require_table_format

FORMATS = (".csv", ".json", ".jsonl", ".parquet")
ROWS = 10_000  # of a Parquet file that are in memory at a time


class PredictionFile:
    """A table of predictions that survives being interrupted.

    Args:
        target: the file: .csv, .json, .jsonl or .parquet.
        columns: of the table.
        key: of the network and its options; what was made with another key is discarded.

    Raises:
        InputError: another suffix, or Parquet without pyarrow.
    """

    def __init__(self, target: Path, columns: Sequence[Column], key: str) -> None:
        require_table_format(target, FORMATS, "predictions.csv")
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target, self.columns = target, columns
        self.partial = target.with_name(f".{target.name}.partial")
        first = json.dumps({"key": key}) + "\n"
        self.done: set[str] = set()
        self.waiting: list[str] = []
        lines = [*self._finished(first)] if self.partial.is_file() else []
        with atomic_write(self.partial) as temporary:
            temporary.write_text(first + "".join(lines))

    def _finished(self, first: str) -> Iterator[str]:
        """The finished lines of an interrupted prediction; a power cut may have cut the last."""
        with self.partial.open() as file:
            if file.readline() != first:
                return
            for line in file:
                try:
                    self.done.add(json.loads(line)["file"])
                except (ValueError, KeyError, TypeError):
                    return
                yield line

    def add(self, prediction: Prediction) -> None:
        """Add one prediction."""
        line = {
            "file": str(prediction.path),
            "fault": bool(prediction.faults),
            "row": prediction.row(),
            "record": prediction.record(),
        }
        self.waiting.append(json.dumps(line) + "\n")

    def flush(self) -> None:
        """Write what was added."""
        with self.partial.open("a") as file:
            file.writelines(self.waiting)
        self.waiting.clear()

    def finish(self) -> list[str]:
        """Make the target of all predictions; return the files that could not be read."""
        self.flush()
        with atomic_write(self.target) as temporary:
            WRITERS[self.target.suffix](temporary, self.columns, self._lines())
        faults = [line["file"] for line in self._lines() if line["fault"]]
        self.partial.unlink()
        return faults

    def _lines(self) -> Iterator[dict[str, Any]]:
        with self.partial.open() as file:
            next(file)
            yield from map(json.loads, file)


Lines = Iterator[dict[str, Any]]


def _csv(path: Path, columns: Sequence[Column], lines: Lines) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        writer.writerows(_padded(line["row"], columns) for line in lines)


def _jsonl(path: Path, columns: Sequence[Column], lines: Lines) -> None:  # noqa: ARG001
    with path.open("w") as file:
        file.writelines(json.dumps(line["record"]) + "\n" for line in lines)


def _json(path: Path, columns: Sequence[Column], lines: Lines) -> None:  # noqa: ARG001
    with path.open("w") as file:
        file.write("[")
        for i, line in enumerate(lines):
            text = json.dumps(line["record"], indent=1).replace("\n", "\n ")
            file.write((",\n " if i else "\n ") + text)
        file.write("\n]\n")


def _parquet(path: Path, columns: Sequence[Column], lines: Lines) -> None:
    pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    kinds = {"text": pyarrow.string(), "count": pyarrow.int64()}
    fields = [(column.name, kinds.get(column.unit, pyarrow.float64())) for column in columns]
    schema = pyarrow.schema([*fields, ("fault", pyarrow.string())])
    with parquet.ParquetWriter(path, schema) as writer:
        while rows := [_named(line, columns) for line in islice(lines, ROWS)]:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))


def _named(line: dict[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """A row by its columns; of a file that could not be read, the fault alone."""
    if line["fault"]:
        return {"file": line["file"], "fault": line["record"].get("fault")}
    names = [column.name for column in columns]
    return dict(zip(names, _padded(line["row"], columns), strict=True))


def _padded(row: Sequence[Any], columns: Sequence[Column]) -> list[Any]:
    return [*row, *[None] * (len(columns) - len(row))]


WRITERS: dict[str, Callable[[Path, Sequence[Column], Lines], None]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
