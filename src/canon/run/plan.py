"""From what was asked for to what will be done: recipe, geometry, split, starting weights."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from canon.data import Dataset, Part, Preprocessing, Report
from canon.data.augment import Augmentation
from canon.data.split import stratified
from canon.errors import DataError, InputError, RunError
from canon.fitting import Recipe
from canon.models import entry
from canon.recipes import modern, paper
from canon.run.config import Training
from canon.run.folder import ENSEMBLE, Run, open_run
from canon.run.start import Start
from canon.weights import RECORDS


def named_recipe(asked: Training) -> Recipe:
    """The recipe that was asked for, with the numbers that were given.

    Raises:
        InputError: a number out of range, or an extra that is not installed.
    """
    recipe = paper(asked.model) if asked.recipe == "paper" else modern(asked.model)
    recipe.augmentation.installed()
    given = {name: getattr(asked, name) for name in ("epochs", "batch", "lr", "val")}
    given = {name: value for name, value in given.items() if value is not None}
    limits = {"accumulate": asked.accumulate, "minutes": asked.minutes or 1}
    for name, value in (given | limits).items():
        if not value >= 0 or (name != "val" and value == 0):
            raise InputError(f"--{name} is {value}; expected more than 0. Pass a larger one.")
    if asked.image is not None and asked.image < 1:
        raise InputError(f"--image is {asked.image}; expected 1 or more. Pass --image 32.")
    for name in ("patience", "seed"):
        if not 0 <= getattr(asked, name) < 2**63:
            raise InputError(f"--{name} is {getattr(asked, name)}; expected 0 to 2^63. Pass 0.")
    if not 0 <= given.get("val", recipe.val) < 1:
        raise InputError(f"--val is {asked.val}; expected a fraction below 1. Pass --val 0.1.")
    return replace(recipe, **given)


def recorded_recipe(record: dict[str, Any], asked: Training) -> Recipe:
    """The recipe that a run recorded, for as many epochs as are asked for now."""
    numbers = _with_tuples(record)
    change = Augmentation(**numbers.pop("augmentation")).installed()
    recipe = Recipe(augmentation=change, **numbers)
    return replace(recipe, epochs=asked.epochs or recipe.epochs)


def _with_tuples(value: Any) -> Any:
    """What was read from JSON, with the tuples that it had before it was written."""
    if isinstance(value, dict):
        return {name: _with_tuples(one) for name, one in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def fitted_recipe(recipe: Recipe, asked: Training, report: Report, samples: int) -> Recipe:
    """The recipe fitted to the data: mirrored or not, and no batch larger than the set bears.

    A recipe's own batch shrinks to a quarter of a small set, and a modern one's rate with it.

    Raises:
        InputError: a batch was given that is larger than the set.
    """
    if asked.batch and asked.batch > samples:
        raise InputError(
            f"--batch {asked.batch} is more than the {samples} training images; expected at "
            f"most as many. Pass --batch {samples} or less."
        )
    if not asked.batch and recipe.batch > max(2, samples // 4):
        batch = max(2, samples // 4)  # one image is no batch to normalise over
        scaled = recipe.name == "modern" and asked.lr is None
        rate = recipe.lr * batch / recipe.batch if scaled else recipe.lr
        recipe = replace(recipe, batch=batch, lr=rate)
    flip = {"on": True, "off": False, "auto": recipe.augmentation.flip and report.channels == 3}
    change = replace(recipe.augmentation, flip=flip[asked.flip])
    return replace(recipe, augmentation=change)


def geometry(asked: Training, recipe: Recipe, report: Report) -> Preprocessing:
    """Side, border, crop and channels of the network's input; published weights have their own."""
    known = RECORDS.get(str(asked.weights))
    usual = known.image if known else recipe.image or report.side
    side = asked.image or usual or entry(asked.model).published.image
    border = recipe.border if side == recipe.image != report.side else 0
    share = known.image / known.resize if known else recipe.crop
    roomy = report.side is None or report.side * share >= side
    crop = share if roomy and report.side != side else 1.0
    return Preprocessing(side, asked.channels or report.channels, report.bits, border, crop)


def normalised(
    how: Preprocessing, recipe: Recipe, start: Start | None, mean: Any, std: Any
) -> Preprocessing:
    """The preprocessing with the mean and deviation that the first weights or the recipe ask for.

    Args:
        how: the preprocessing without them.
        recipe: names a normalisation.
        start: the weights that training starts from, which may come with their own.
        mean: of the training images.
        std: likewise.
    """
    expected = start.normalised(how) if start else None
    if expected:
        mean, std = expected
    elif start is not None:  # a file does not say; weights were hardly made for 0 to 255
        pass
    elif recipe.normalisation == "lenet5":  # black to -0.1, white to 1.175 (section III.A)
        mean, std = (0.1 / 1.275,) * how.channels, (1 / 1.275,) * how.channels
    elif recipe.normalisation == "mean":
        std = (1 / 255,) * how.channels
    return replace(how, mean=tuple(mean), std=tuple(std))


def split_parts(
    data: Dataset, recipe: Recipe, asked: Training
) -> tuple[dict[str, Part], dict[str, Any]]:
    """The splits to train, monitor and test on, and the record of what was held back.

    A set without a validation split gives a stratified part of its training images, a fifth if it
    has no test split either; `val` 0 holds back nothing.

    Raises:
        DataError: a class has too few images to be split.
        InputError: a decision would have to be taken on the test split.
    """
    parts = dict(data.parts)
    fraction = recipe.val
    if asked.val is None and "test" not in parts and fraction:
        fraction = max(fraction, 0.2)
    if "val" in parts or fraction == 0:
        if "val" not in parts and (asked.patience or recipe.schedule == "plateau"):
            raise InputError(
                "early stopping and plateau schedules need a validation split; expected --val "
                "above 0. Pass --val 0.1."
            )
        return parts, {"val": None, "sizes": _sizes(parts)}
    counts = np.bincount(parts["train"].labels, minlength=len(data.classes))
    if counts.min() < 2:
        lonely = data.classes[int(counts.argmin())]
        raise DataError(
            f"class {lonely!r} has one training image; expected two or more, one to train on and "
            "one to validate. Add images, or pass --val 0."
        )
    train = parts["train"]
    keep, back = stratified(train.labels, fraction, asked.seed)
    parts["train"], parts["val"] = train.select(keep), train.select(back)
    held = [str(f) for f in parts["val"].files] or back.tolist()
    parts = {name: parts[name] for name in ("train", "val", "test") if name in parts}
    record = {"val": held, "fraction": fraction, "seed": asked.seed, "sizes": _sizes(parts)}
    return parts, record


def _sizes(parts: dict[str, Part]) -> dict[str, int]:
    return {name: len(part) for name, part in parts.items()}


def again(data: Dataset, classes: tuple[str, ...], record: dict[str, Any]) -> dict[str, Part]:
    """The splits that a record describes, of the same data.

    Raises:
        DataError: the data has other classes, or more or fewer samples, than were recorded.
    """
    parts, held = dict(data.parts), record["val"]
    if held is not None and parts["train"].files:
        places = {str(file): i for i, file in enumerate(parts["train"].files)}
        held = [places[file] for file in held if file in places]
    if held is not None:
        held = [i for i in held if i < len(parts["train"])]
        back = np.array(held, np.int64)
        keep = np.setdiff1d(np.arange(len(parts["train"])), back)
        parts |= {"train": parts["train"].select(keep), "val": parts["train"].select(back)}
    sizes = _sizes(parts)
    if sizes != record["sizes"] or data.classes != classes:
        was, now = (", ".join(f"{n:,} {k}" for k, n in s.items()) for s in (record["sizes"], sizes))
        raise DataError(
            f"{data.source} has changed: {now} images of {len(data.classes)} classes; expected "
            f"{was} of {len(classes)}, as the run was trained on. Restore it, or give other data."
        )
    return parts


def as_before(asked: Training) -> tuple[Run, Training]:
    """The run to go on with, and what was asked for when it began.

    The device, the minutes, and the epochs if given, are those of now; other flags may be left
    out, but not be changed.

    Raises:
        InputError: no run folder, or a flag with another value.
        RunError: the folder holds no run, or one of another network.
    """
    if asked.out is None:
        raise InputError("--resume needs the run folder; expected --out. Pass --out runs/NAME.")
    run = open_run(asked.out)
    if run.model == ENSEMBLE:
        raise RunError(
            f"{asked.out} is an ensemble, which is not trained; expected a run. Go on with one of "
            "its members."
        )
    if run.model != asked.model:
        raise RunError(
            f"{asked.out} is a run of {run.model}, not of {asked.model}; expected the same "
            f"network. Pass {run.model}, or another --out."
        )
    before, now, untouched = run.facts["asked"], described(asked), described(Training(asked.model))
    if str(Path(asked.data).expanduser().resolve()) == run.facts["data"]["source"]:
        now["data"] = before["data"]
    for name in set(now) - {"out", "device", "minutes", "epochs", "resume"}:
        if now[name] not in (untouched[name], before[name]):
            raise InputError(
                f"--{name.replace('_', '-')} is {now[name]}, the run began with {before[name]}; "
                "expected the same when going on. Leave the flag out, or start another run."
            )
    kept = {"out": asked.out, "resume": True, "device": asked.device, "minutes": asked.minutes}
    weights = {"weights": Path(before["weights"])} if before["weights"] else {}
    longer = {"epochs": asked.epochs} if asked.epochs else {}
    return run, Training(**before | kept | weights | longer)


def described(asked: Training) -> dict[str, Any]:
    """What was asked for, as JSON."""
    return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(asked).items()}
