"""`canon ensemble`: combine the networks of several runs into one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from canon.cli.console import show_table
from canon.cli.flags import flag, several


@dataclass(frozen=True)
class Command:
    """Combine trained classifiers by the weighted mean of their probabilities.

    The result is a run folder that `canon evaluate` and `canon predict` take like any other.

    Args:
        runs: two or more run folders with the same classes.
        weights: weight of each run in the mean: accuracy (its top-1 on its validation split),
            equal, or one number per run, separated by commas.
        out: the folder to create.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], several("RUN RUN ...")]
    weights: Annotated[str, flag("accuracy|equal|W,W,...", "accuracy")] = "accuracy"
    out: Annotated[Path | None, flag("DIR", "runs/ensemble-DATA")] = None


def run(command: Command) -> int:
    """Write the folder and print the weight of each member."""
    from canon.runs.open import open_run
    from canon.workflows.ensemble import ensemble

    combined = ensemble(
        [open_run(path) for path in command.runs], weights=_weights(command), out=command.out
    )
    members, split = combined.record.members, combined.record.split
    total = sum(member.weight for member in members)
    rows = [[m.path, m.model, f"{m.weight / total:.4f}"] for m in members]
    show_table(["member", "network", "weight"], rows, left=2)
    print(f"ensemble: {combined.path}")
    if split is None:
        print(
            "the members share no held-out images; pass a dataset that none of them was trained "
            f"on: canon evaluate {combined.path} DATA"
        )
    else:
        held = ", ".join(f"{n:,} {s}" for s, n in split.sizes.items() if s != "train" and n)
        print(f"images that no member was trained on: {held}. canon evaluate {combined.path}")
    return 0


def _weights(command: Command) -> "str | list[float]":
    from canon.errors import InputError

    if command.weights in ("accuracy", "equal"):
        return command.weights
    try:
        return [float(word) for word in command.weights.split(",")]
    except ValueError:
        raise InputError(
            f"--weights must be accuracy, equal, or numbers separated by commas, got "
            f"{command.weights!r}. Pass --weights accuracy."
        ) from None
