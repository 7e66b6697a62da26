"""`canon reproduce`: figures and claims of the papers, and what was published."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from canon.cli.console import console, progress_bars, show_table
from canon.cli.flags import Switch, flag
from canon.cli.interrupt import Interrupt
from canon.utils.tables import duration

if TYPE_CHECKING:
    from canon.cli.console import ProgressBars
    from canon.reproduce.figures import Reproduction
    from canon.reproduce.result import Result, Watch


@dataclass(frozen=True)
class Command:
    """Reproduce a figure or claim: its numbers and pictures, and what was published.

    At small scale each takes less than a minute on two cores, with a small but real experiment. At
    full scale, those that train networks take as long as the paper's; the cost is printed first,
    and an interrupted command resumes from the runs in --out.

    Args:
        figure: a name or number of the list, all, or list, which prints it.
        scale: small, or full: as in the paper.
        out: the folder for pictures; of all figures, for the page.
        json: print JSON.
    """

    figure: tyro.conf.Positional[str] = "list"
    scale: Literal["small", "full"] = "small"
    out: Annotated[Path, flag("DIR", "reproduced")] = Path("reproduced")
    json: Switch = False


def run(command: Command) -> int:
    """Print the numbers and write the pictures; 1 if a figure of several could not be run."""
    from canon.reproduce.figures import find

    c = command
    if c.figure == "list":
        from canon.cli import list as listing

        return listing.run(listing.Command("figures", json=c.json))
    if c.figure == "all":
        return _all(command)
    figure = find(c.figure)
    result = _run(command, figure)
    from canon.reproduce.page import record, write_pictures

    paths = write_pictures(c.out, figure, result)
    if c.json:
        print(json.dumps(record(figure, result), indent=1))
    else:
        _print(figure, result)
        print("\n".join(f"picture: {path}" for path in paths))
    return 0


def _run(command: Command, figure: "Reproduction") -> "Result":
    from canon.reproduce.result import Work

    with progress_bars() as bars:
        _say_cost(command, figure, bars)
        return figure.run(Work(command.scale, _watch(command, bars), command.out))


def _watch(command: Command, bars: "ProgressBars") -> "Watch":
    """Progress bars; at full scale, Ctrl-C stops after a step, when the state can be saved."""
    if command.scale == "small":
        return bars.at
    interrupt = Interrupt()

    def watch(name: str, done: int, total: int) -> None:
        bars.at(name, done, total)
        if interrupt.requested:
            raise KeyboardInterrupt

    return watch


def _say_cost(command: Command, figure: "Reproduction", bars: "ProgressBars") -> None:
    if command.scale == "full" and figure.full:
        bars.print(f"{figure.name} at full scale: {figure.full}")


def _print(figure: "Reproduction", result: "Result") -> None:
    from canon.reproduce.result import HEAD

    shown = console()
    shown.print(f"{figure.number} {figure.name}: {figure.claim}")
    if result.conditions:
        shown.print(f"{result.conditions}")
    print()
    show_table(HEAD, [row.texts() for row in result.rows])
    print()
    shown.print(result.conclusion)


def _all(command: Command) -> int:
    from datetime import date

    from canon.reproduce.figures import FIGURES, attempt
    from canon.reproduce.page import record, write_page
    from canon.reproduce.result import Work
    from canon.utils.devices import hardware

    c, outcomes, started = command, [], time.monotonic()
    with progress_bars() as bars:
        work = Work(c.scale, _watch(c, bars), c.out)
        for figure in FIGURES:
            _say_cost(command, figure, bars)
            before = time.monotonic()
            result = attempt(figure, work)
            outcomes.append((figure, result))
            text = f"not run: {result}" if isinstance(result, str) else result.conclusion
            took = duration(time.monotonic() - before)
            bars.print(f"{figure.number} {figure.name} ({took}): {text}")
    machine = ", ".join(f"{key} {value}" for key, value in hardware().items())
    page = write_page(
        c.out, outcomes, c.scale,
        f"{date.today()}, {machine}, {duration(time.monotonic() - started)} in all",
    )  # fmt: skip
    if c.json:
        print(json.dumps([record(*one) for one in outcomes], indent=1))
    else:
        print(f"page: {page}")
    return int(any(isinstance(result, str) for _, result in outcomes))
