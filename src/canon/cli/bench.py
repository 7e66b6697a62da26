"""`canon bench`: the fastest engine for a network on this machine."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import progress_bars, show_table
from canon.cli.flags import Switch, flag

if TYPE_CHECKING:
    from canon.deploy.results import Result

BAR = 30  # letters of the longest bar


@dataclass(frozen=True)
class Command:
    """Measure engines for a network on this machine, check them, and choose the fastest.

    Torch (eager, channels last, folded, compiled), ONNX Runtime, OpenVINO and ncnn, as far as they
    are installed, run in processes of their own and in turns. An engine whose outputs differ from
    those of torch is left out. The choice for a run is written into its folder: `canon predict`
    uses it from then on. With --low-precision, int8 and bfloat16 are tried as well, and chosen only
    if they are faster and lose no more than --max-loss on held-out images.

    Args:
        run: a run folder, or the name of a network.
        goal: latency of one image, throughput of many, or memory of the process.
        budget: seconds that the measurement may take.
        low_precision: also try int8, calibrated on training images, and bfloat16 (runs only).
        max_loss: points of the metric that low precision may lose.
        json: print JSON.
    """

    run: tyro.conf.Positional[str]
    goal: Literal["latency", "throughput", "memory"] = "latency"
    budget: Annotated[float, flag("SECONDS", "60")] = 60.0
    low_precision: Switch = False
    max_loss: Annotated[float, flag("POINTS", "0.5")] = 0.5
    json: Switch = False


def run(command: Command) -> int:
    """Print what was measured, and the choice."""
    from canon.workflows.optimize import optimize

    with progress_bars() as bars:
        task = bars.progress.add_task("starting", total=None)
        found = optimize(
            command.run, goal=command.goal, budget=command.budget,
            low_precision=command.low_precision, max_loss=command.max_loss / 100,
            watch=lambda doing: bars.progress.update(task, description=doing),
        )  # fmt: skip
    choice: Any = found.choice
    if command.json:
        print(json.dumps(asdict(choice), indent=1))
        return 0
    _print(choice.results, choice.goal)
    print(f"\nchosen for {choice.goal}: {choice.name}")
    if found.saved is not None:
        print(f"canon predict {command.run} uses it from now on: {found.saved}")
    return 0


def _print(results: "tuple[Result, ...]", goal: str) -> None:
    from canon.deploy.results import engine_table, left_out

    table = engine_table(results, goal)
    values = [_length(one, goal) for one in results if one.seconds is not None]
    rows = [(name, "█" * max(1, round(BAR * value / max(values))), *cells)
            for (name, *cells), value in zip(table.rows, values, strict=True)]  # fmt: skip
    kept = len(table.head) if any(row[-1] for row in rows) else len(table.head) - 1
    first, *others = table.head
    show_table((first, "", *others)[: kept + 1], [row[: kept + 1] for row in rows], left=2)
    for line in left_out(results):
        print(f"left out: {line}")


def _length(one: "Result", goal: str) -> float:
    """The length of a bar: images per second, or bytes."""
    assert one.seconds is not None
    return float(one.memory) if goal == "memory" else 1 / one.seconds
