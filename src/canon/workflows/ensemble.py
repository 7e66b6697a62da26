"""Combine several trained runs into one that is evaluated and predicted with like any other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from canon.data import Preprocessing
from canon.errors import InputError, unknown
from canon.inference.ensemble import Ensemble
from canon.runs.ensemble import MODEL, EnsembleRun
from canon.runs.folder import Run, make_folder
from canon.runs.open import open_run
from canon.runs.record import Member, RunRecord, SplitRecord
from canon.tasks.lookup import task_named
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Watch, run_steps
from canon.workflows.evaluate import choose_split

Weights = str | Sequence[float]


def ensemble(
    runs: Sequence[Run | str | Path],
    *,
    weights: Weights = "accuracy",
    out: str | Path | None = None,
) -> Run:
    """Combine trained runs by the weighted mean of their probabilities, as a new run folder.

    The members' networks are copied into it. Their input is one square, resized and normalised as
    each was trained; where members differ in size, each resizes the shared square, not the original
    image.

    Args:
        runs: two or more runs, or their folders, with the same classes and channels.
        weights: `accuracy` takes each run's top-1 on its validation split, `equal` none; or
            positive numbers.
        out: the folder to create; None creates runs/ensemble-DATA.

    Raises:
        InputError: fewer than two runs, other classes or channels, or weights that do not fit.
        RunError: `out` is occupied.
    """
    opened = [run if isinstance(run, Run) else open_run(run) for run in runs]
    _require_members(opened)
    shares, split = _weights(opened, weights), _common_split(opened)
    first = opened[0].record
    path = make_folder(Path(out) if out else None, MODEL, Path(str(first.data.source)).name)
    members = tuple(
        Member(str(run.path), run.model, run.record.model_args, run.preprocessing, share)
        for run, share in zip(opened, shares, strict=True)
    )
    record = RunRecord(
        model=MODEL,
        task=first.task,
        preprocessing=_shared_input([run.preprocessing for run in opened]),
        data=first.data if split else replace(first.data, source=None),
        split=split,
        versions=first.versions,
        members=members,
    )
    combined = EnsembleRun(path, record)
    combined.save_tensors({
        f"members.{i}.{key}": tensor
        for i, run in enumerate(opened)
        for key, tensor in run.checkpoint().state.items()
    })  # fmt: skip
    combined.save_record()
    return combined


def _require_members(runs: Sequence[Run]) -> None:
    if len(runs) < 2:
        raise InputError(
            f"an ensemble needs at least two runs, got {len(runs)}. Pass more run folders."
        )
    if any(isinstance(run, EnsembleRun) for run in runs):
        raise InputError("an ensemble cannot be a member; expected trained runs. Name its members.")
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise InputError(
            "a run is named twice; expected each once. Pass --weights to give it a larger weight."
        )
    first = runs[0]
    for run in runs:
        _require_finished(run)
    for run in runs[1:]:
        _require_alike(first, run)


def _require_alike(first: Run, run: Run) -> None:
    if run.classes != first.classes:
        ours, theirs = (f"{len(r.classes)} ({', '.join(r.classes[:3])}, ...)" for r in (first, run))
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


def _require_finished(run: Run) -> None:
    if not task_named(run.record.task).ensembles:
        raise InputError(f"{run.path} is not a classifier; only classifiers can be combined.")
    if run.record.result is None:
        raise InputError(
            f"{run.path} was not trained to its end; expected finished runs. Resume it with "
            f"`canon train ... --resume --out {run.path}`."
        )


def _weights(runs: Sequence[Run], weights: Weights) -> list[float]:
    if weights == "equal":
        return [1.0] * len(runs)
    if weights == "accuracy":
        return [validated_accuracy(run) for run in runs]
    if isinstance(weights, str):
        raise unknown("kind of weights", weights, ("accuracy", "equal"), "`canon ensemble --help`")
    shares = [float(weight) for weight in weights]
    if len(shares) != len(runs) or not all(0 < share < float("inf") for share in shares):
        raise InputError(
            f"weights {', '.join(map(str, weights))} do not fit {len(runs)} runs; expected as many "
            "numbers above 0. Or pass --weights accuracy."
        )
    return shares


def validated_accuracy(run: Run) -> float:
    """Top-1 on the validation split, of the epoch whose weights the run has."""
    scored = [line["metrics"]["top1"] for line in run.metrics() if "metrics" in line]
    if not scored or run.record.split is None or "val" not in run.record.split.sizes:
        raise InputError(
            f"{run.path} was not validated; expected a run with a validation split, whose accuracy "
            "is its weight. Pass --weights equal."
        )
    top1 = max(scored) if run.record.config["patience"] else scored[-1]
    return float(max(top1, 1e-6))


def _common_split(runs: Sequence[Run]) -> SplitRecord | None:
    """The splits of the runs, with the validation images that all of them held out.

    None where no image was held out by all: no common source, or neither a test split nor a common
    validation image.
    """
    first = runs[0].record.split
    if first is None or len({run.record.data.source for run in runs}) > 1:
        return None
    held = [run.record.split.val if run.record.split else None for run in runs]
    sizes = dict(first.sizes)
    if all(val is None for val in held):  # the dataset's own splits
        return first if {"val", "test"} & set(sizes) else None
    common = set.intersection(*(set(val or ()) for val in held))
    unseen = tuple(sample for sample in first.val or () if sample in common)
    if not unseen and "test" not in sizes:
        return None
    everything = sizes["train"] + (0 if first.val is None else sizes["val"])
    sizes |= {"train": everything - len(unseen), "val": len(unseen)}
    return replace(first, val=unseen, sizes=sizes)


def _shared_input(preps: Sequence[Preprocessing]) -> Preprocessing:
    """The input of all members: the largest of their stored squares, from 0 to 1."""
    first, side = preps[0], max(prep.stored for prep in preps)
    black, white = (0.0,) * first.channels, (1.0,) * first.channels
    return Preprocessing(side, first.channels, first.bits, mean=black, std=white)


def accuracies(combined: Run, watch: Watch | None = None) -> tuple[str, float, list[float]]:
    """Top-1 of an ensemble and of each member alone, on images that no member was trained on.

    Args:
        combined: the ensemble.
        watch: called after each step.

    Raises:
        InputError: the members share no held-out images.
    """
    split, samples = choose_split(combined, None, None, skip_bad=False, progress=None)
    devices = make_accelerator()
    net = to_device(combined.network(), devices.device)
    assert isinstance(net, Ensemble)
    evaluation = task_named(combined.record.task).evaluation(
        samples, combined.preprocessing, samples.targets.outputs, devices
    )
    nets = [net, *net.members]
    together, *alone = (run_steps(evaluation(one, 0), watch).summary()["top1"] for one in nets)
    return split, together, alone
