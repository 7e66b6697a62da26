"""`canon ensemble`: combine trained runs into one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from canon.cli.console import show_table


@dataclass(frozen=True)
class Command:
    """Fuse trained runs with the same classes: the weighted mean of their probabilities.

    The result is a run folder; `canon evaluate` and `canon predict` take it like any other.

    Args:
        runs: run folders, two or more.
        weights: `accuracy` weighs each run by its top-1 on its validation split, `equal` all
            alike; or numbers, separated by commas.
        out: the folder to make; runs/ensemble-DATA if not given.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN")]
    weights: Annotated[str, tyro.conf.arg(metavar="accuracy|equal|W,W,...")] = "accuracy"
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None


def run(command: Command) -> int:
    """Write the folder and say how much each member counts."""
    from canon.runs.open import open_run
    from canon.workflows.ensemble import ensemble

    fused = ensemble(
        [open_run(path) for path in command.runs], weights=_weights(command), out=command.out
    )
    members = fused.facts["members"]
    total = sum(member["weight"] for member in members)
    rows = [[m["path"], m["model"], f"{m['weight'] / total:.4f}"] for m in members]
    show_table(["member", "network", "weight"], rows, left=2)
    print(f"ensemble: {fused.path}")
    if fused.facts["split"] is None:
        print(f"its members kept no images from all of them: canon evaluate {fused.path} DATA")
    else:
        sizes = fused.facts["split"]["sizes"]
        told = ", ".join(f"{n:,} {name}" for name, n in sizes.items() if name != "train" and n)
        print(f"no member was trained on {told} images: canon evaluate {fused.path}")
    return 0


def _weights(command: Command) -> "str | list[float]":
    from canon.errors import InputError

    if command.weights in ("accuracy", "equal"):
        return command.weights
    try:
        return [float(word) for word in command.weights.split(",")]
    except ValueError:
        raise InputError(
            f"--weights {command.weights} are no weights; expected accuracy, equal, or numbers "
            "separated by commas. Pass --weights accuracy."
        ) from None
