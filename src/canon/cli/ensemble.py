"""`canon ensemble`: combine the networks of several runs into one."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from canon.cli.console import percent, progress_bars, show_table
from canon.cli.flags import flag, several

if TYPE_CHECKING:
    from collections.abc import Sequence

    from canon.runs.folder import Run
    from canon.runs.record import Member


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
    accuracies = [_accuracy(path) for path in command.runs]
    rows = [[m.path, m.model, f"{m.weight / total:.4f}", percent(top1)]
            for m, top1 in zip(members, accuracies, strict=True)]  # fmt: skip
    show_table(["member", "network", "weight", "top-1 on its val"], rows, left=2)
    print(f"ensemble: {combined.path}")
    if split is None:
        print(
            "the members share no held-out images; pass a dataset that none of them was trained "
            f"on: canon evaluate {combined.path} DATA"
        )
    else:
        held = ", ".join(f"{n:,} {s}" for s, n in split.sizes.items() if s != "train" and n)
        print(f"images that no member was trained on: {held}. canon evaluate {combined.path}")
        _compare(combined, members)
    return 0


def _accuracy(path: Path) -> float | None:
    from canon.errors import InputError
    from canon.runs.open import open_run
    from canon.workflows.ensemble import validated_accuracy

    try:
        return validated_accuracy(open_run(path))
    except InputError:  # without a validation split
        return None


def _compare(combined: "Run", members: "Sequence[Member]") -> None:
    """Print whether the ensemble is better than each of its members, on the same images."""
    from canon.errors import CanonError
    from canon.workflows.ensemble import accuracies

    try:
        with progress_bars() as bars:
            split, together, alone = accuracies(
                combined, lambda step: bars.at("evaluating", step.done, step.batches)
            )
    except CanonError as reason:  # the ensemble is there all the same
        print(f"not compared with its members: {reason}")
        return
    best = max(range(len(alone)), key=alone.__getitem__)
    print(f"top-1 on {split}: {percent(together)}; its best member alone: {percent(alone[best])}")
    if together < alone[best]:
        print(
            f"the ensemble is worse than {members[best].path} alone: leave the weaker members out"
        )


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
