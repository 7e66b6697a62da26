"""Combine several trained runs into one that is evaluated and predicted with like any other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from canon.data import Preprocessing
from canon.errors import InputError, unknown
from canon.runs.folder import ENSEMBLE, Run, make_folder
from canon.runs.open import open_run

Weights = str | Sequence[float]


def ensemble(
    runs: Sequence[Run | str | Path],
    *,
    weights: Weights = "accuracy",
    out: str | Path | None = None,
) -> Run:
    """Fuse trained runs by the weighted mean of their probabilities, as a new run folder.

    The members' networks are copied into it. Their input is one square, scaled and normalised to
    what each was trained with; where they differ in size a member sees the shared square scaled
    once more, not the original image.

    Args:
        runs: two or more runs, or their folders, with the same classes and channels.
        weights: `accuracy` takes each run's top-1 on its validation split, `equal` none; or
            positive numbers.
        out: the folder to make; None makes runs/ensemble-DATA.

    Raises:
        InputError: fewer than two runs, other classes or channels, or weights that do not fit.
        RunError: `out` is occupied.
    """
    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    _fitting(opened)
    shares, split = _shares(opened, weights), _split(opened)
    first = opened[0].facts
    name = Path(str(first["data"]["source"])).name
    path = make_folder(Path(out) if out else None, ENSEMBLE, name)
    members = [
        {"path": str(run.path), "model": run.model, "numbers": run.facts["numbers"],
         "preprocessing": run.facts["preprocessing"], "weight": share}
        for run, share in zip(opened, shares, strict=True)
    ]  # fmt: skip
    fused = Run(path, {
        "model": ENSEMBLE,
        "members": members,
        "data": first["data"] | {"source": first["data"]["source"] if split else None},
        "split": split,
        "preprocessing": _shared([run.preprocessing for run in opened]),
        "versions": first["versions"],
    })  # fmt: skip
    fused.save_tensors({
        f"members.{i}.{key}": tensor
        for i, run in enumerate(opened)
        for key, tensor in run.checkpoint().state.items()
    })  # fmt: skip
    fused.save_facts()
    return fused


def _fitting(runs: Sequence[Run]) -> None:
    if len(runs) < 2:
        raise InputError(f"{len(runs)} run(s) are no ensemble; expected two or more. Name others.")
    if any(run.model == ENSEMBLE for run in runs):
        raise InputError("an ensemble cannot be a member; expected trained runs. Name its members.")
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise InputError(
            "a run is named twice; expected each once. Pass --weights to count it more."
        )
    for run in runs:
        _finished(run)
    first = runs[0]
    for run in runs[1:]:
        if run.classes != first.classes:
            ours, theirs = (f"{len(r.classes)} ({', '.join(r.classes[:3])}, ...)"
                            for r in (first, run))  # fmt: skip
            raise InputError(
                f"{first.path} and {run.path} have different classes, {ours} and {theirs}; "
                "expected the same. Train all members on the same classes."
            )
        one, other = first.preprocessing, run.preprocessing
        if (one.channels, one.bits) != (other.channels, other.bits):
            raise InputError(
                f"{first.path} takes {one.channels} channels of {one.bits} bits, {run.path} "
                f"{other.channels} of {other.bits}; expected the same. Train with --channels."
            )


def _finished(run: Run) -> None:
    if run.values is not None:
        raise InputError(
            f"{run.path} gives each pixel a class; expected runs of classifiers. Fuse those."
        )
    if "result" not in run.facts:
        raise InputError(
            f"{run.path} was not trained to its end; expected finished runs. Go on with "
            f"`canon train ... --resume --out {run.path}`."
        )


def _shares(runs: Sequence[Run], weights: Weights) -> list[float]:
    if weights == "equal":
        return [1.0] * len(runs)
    if weights == "accuracy":
        return [_accuracy(run) for run in runs]
    if isinstance(weights, str):
        raise unknown("kind of weights", weights, ("accuracy", "equal"), "`canon ensemble --help`")
    shares = [float(weight) for weight in weights]
    if len(shares) != len(runs) or not all(0 < share < float("inf") for share in shares):
        raise InputError(
            f"weights {', '.join(map(str, weights))} do not fit {len(runs)} runs; expected as many "
            "numbers above 0. Or pass --weights accuracy."
        )
    return shares


def _accuracy(run: Run) -> float:
    """Top-1 on the validation split, of the epoch whose weights the run kept."""
    scored = [line["scores"]["top1"] for line in run.metrics() if "scores" in line]
    sizes = run.facts["split"]["sizes"]
    if not scored or "val" not in sizes:
        raise InputError(
            f"{run.path} was not validated; expected a run with a validation split, whose accuracy "
            "is its weight. Pass --weights equal."
        )
    top1 = max(scored) if run.facts["asked"]["patience"] else scored[-1]
    return float(max(top1, 1e-6))


def _split(runs: Sequence[Run]) -> dict[str, Any] | None:
    """The split of the runs; of validation images those that no member was trained on.

    None where nothing of their own data was kept from all: no common source, or neither a test
    split nor a validation image that all held back.
    """
    first: dict[str, Any] = runs[0].facts["split"]
    if len({run.facts["data"]["source"] for run in runs}) > 1:
        return None
    kept = [run.facts["split"]["val"] for run in runs]
    sizes = dict(first["sizes"])
    if all(held is None for held in kept):  # the data's own splits
        return first if {"val", "test"} & set(sizes) else None
    common = set.intersection(*(set(held or []) for held in kept))
    unseen = [sample for sample in first["val"] or [] if sample in common]
    if not unseen and "test" not in sizes:
        return None
    everything = sizes["train"] + (0 if first["val"] is None else sizes["val"])
    sizes |= {"train": everything - len(unseen), "val": len(unseen)}
    return first | {"val": unseen, "sizes": sizes}


def _shared(hows: Sequence[Preprocessing]) -> dict[str, Any]:
    """The input of all members: the largest of their stored squares, from 0 to 1."""
    first, side = hows[0], max(how.stored for how in hows)
    black, white = [0.0] * first.channels, [1.0] * first.channels
    return {"image": side, "channels": first.channels, "bits": first.bits, "border": 0,
            "crop": 1.0, "mean": black, "std": white}  # fmt: skip
