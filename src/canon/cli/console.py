"""Tables and progress bars on a terminal, in a pipe, and as JSON or CSV."""

import csv
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from canon.utils.tables import plain

if TYPE_CHECKING:
    from rich.console import Console

    from canon.utils.tables import Table as Values

EVERY = 60.0  # seconds between two lines on progress where there is no terminal
WIDTH = 1000  # letters, more than any table has; a narrower terminal wraps, but loses no column
CELL = 48  # letters in a line of a text cell


def console() -> "Console":
    """Standard output, wide enough for any table."""
    from rich.console import Console

    return Console(width=WIDTH, highlight=False, markup=False)


def is_main_process() -> bool:
    """Whether this is the main process."""
    return os.environ.get("RANK", "0") == "0"


def several_processes() -> bool:
    """Whether a launcher started more than this process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def between_processes(failure: BaseException) -> bool:
    """Whether the communication of several processes failed."""
    return several_processes() and any(word in str(failure) for word in ("gloo", "NCCL", "by peer"))


def peer_ended(failure: BaseException) -> bool:
    """Whether it failed because another process has ended."""
    words = ("by peer", "Broken pipe", "remote process exited")
    return between_processes(failure) and any(word in str(failure) for word in words)


def show_table(
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    as_json: bool = False,
    as_csv: bool = False,
    left: int = 1,
    title: str | None = None,
) -> None:
    """Print rows as a table, as a JSON list of objects, or as CSV.

    Args:
        head: names of the columns; those of JSON and CSV.
        rows: cells; numbers are grouped by thousands in the table only, None is left empty.
        as_json: print JSON.
        as_csv: print CSV.
        left: how many columns, from the first, are text.
        title: a line above the table.
    """
    if as_json:
        print(json.dumps([dict(zip(head, row, strict=True)) for row in rows], indent=1))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([head, *rows])
    else:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, title=title, title_justify="left")
        for i, name in enumerate(head):
            justify: Literal["left", "right"] = "left" if i < left else "right"
            table.add_column(name, justify=justify, no_wrap=i >= left, overflow="fold",
                             max_width=CELL if i < left else None)  # fmt: skip
        for row in rows:
            table.add_row(*map(cell, row))
        console().print(table)


def show(table: "Values", *, as_csv: bool = False) -> None:
    """Print a table of values with units, for a person or as CSV."""
    left = next((i for i, c in enumerate(table.columns) if c.unit != "text"), len(table.columns))
    rows = [[plain(value) for value in row] for row in table.rows] if as_csv else table.texts()
    show_table(table.head, rows, as_csv=as_csv, left=left)


def cell(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def percent(share: float | None, digits: int = 2) -> str:
    """A fraction as a percentage; nothing for None."""
    return "" if share is None or isnan(share) else f"{100 * share:.{digits}f} %"


class ProgressBars:
    """Progress bars on a terminal, and nothing elsewhere.

    Args:
        aside: show them on standard error, because standard output is a table.
    """

    def __init__(self, aside: bool) -> None:
        from rich import progress
        from rich.console import Console

        self.console = Console(
            stderr=aside, highlight=False, markup=False, quiet=not is_main_process()
        )
        self.progress = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.tasks: dict[str, Any] = {}
        self.reported = time.monotonic()

    def at(self, name: str, done: int, total: int) -> None:
        """Move the bar of a name, and remove the others."""
        if self.progress.disable:
            self._report(name, done, total)
            return
        for other in [other for other in self.tasks if other != name]:
            self.progress.remove_task(self.tasks.pop(other))
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(name, total=total)
        self.progress.update(self.tasks[name], completed=done, total=total)

    def _report(self, name: str, done: int, total: int) -> None:
        """A line per minute in a log file, so that long work shows progress."""
        if time.monotonic() - self.reported > EVERY:
            self.reported = time.monotonic()
            self.console.print(f"{name}: {done:,} of {total:,}", soft_wrap=True)

    def print(self, line: str) -> None:
        """Print a line above the bars."""
        self.console.print(line, soft_wrap=True)

    def reading(self, files: Iterable[Path], total: int) -> Iterator[Path]:
        """The files, with a progress bar."""
        for i, file in enumerate(files, 1):
            self.at("reading", i, total)
            yield file


@contextmanager
def progress_bars(aside: bool = True) -> Iterator[ProgressBars]:
    """Progress bars while the block runs."""
    bars = ProgressBars(aside)
    with bars.progress:
        yield bars
