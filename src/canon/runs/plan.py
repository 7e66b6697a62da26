"""Resolve a configuration: recipe, hold-out split, normalization."""

from dataclasses import replace
from typing import Any

import numpy as np

from canon.data import DataReport, Dataset, Preprocessing, Split
from canon.data.sampling import stratified_split
from canon.errors import DataError, InputError
from canon.models import model_info
from canon.options import OPEN_OPTIONS
from canon.recipes import modern, paper
from canon.runs.config import TrainConfig
from canon.runs.initial_weights import InitialWeights
from canon.training.recipe import Recipe


def choose_recipe(asked: TrainConfig) -> Recipe:
    """The recipe that was asked for, with the numbers that were given.

    Raises:
        InputError: a number out of range, or an extra that is not installed.
    """
    recipe = paper(asked.model) if asked.recipe == "paper" else modern(asked.model)
    recipe.augmentation.installed()
    given = {name: getattr(asked, name) for name in ("epochs", "batch", "lr", "val")}
    given |= {"weighting": asked.class_weights, "separation": asked.separation, "dice": asked.dice}
    given = {name: value for name, value in given.items() if value is not None}
    _dense_only(asked)
    limits = {"accumulate": asked.accumulate, "minutes": asked.minutes or 1}
    zero = ("val", "separation", "dice")
    for name, value in (given | limits).items():
        if name != "weighting" and (not value >= 0 or (name not in zero and value == 0)):
            raise InputError(f"--{name} is {value}; expected more than 0. Pass a larger one.")
    if asked.image is not None and asked.image < 1:
        raise InputError(f"--image is {asked.image}; expected 1 or more. Pass --image 32.")
    for name in ("patience", "seed"):
        if not 0 <= getattr(asked, name) < 2**63:
            raise InputError(f"--{name} is {getattr(asked, name)}; expected 0 to 2^63. Pass 0.")
    if not 0 <= given.get("val", recipe.val) < 1:
        raise InputError(f"--val is {asked.val}; expected a fraction below 1. Pass --val 0.1.")
    return replace(recipe, **given)


def _dense_only(asked: TrainConfig) -> None:
    """Refuse what only networks with a class for each pixel know, for others."""
    if model_info(asked.model).task == "segment":
        return
    for name in ("class_weights", "separation", "dice"):
        if getattr(asked, name) is not None:
            raise InputError(
                f"--{name.replace('_', '-')} is for networks that give each pixel a class, which "
                f"{asked.model} does not; expected one, such as unet-same. Leave it out."
            )


def fit_recipe(recipe: Recipe, asked: TrainConfig, report: DataReport, samples: int) -> Recipe:
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
    turned = {"on": True, "off": False, "auto": recipe.warping.flip}  # a mask mirrors no letters
    change = replace(recipe.augmentation, flip=flip[asked.flip])
    warping = replace(recipe.warping, flip=turned[asked.flip])
    return replace(recipe, augmentation=change, warping=warping)


def with_normalization(
    how: Preprocessing, recipe: Recipe, start: InitialWeights | None, mean: Any, std: Any
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


def hold_out(
    data: Dataset, recipe: Recipe, asked: TrainConfig
) -> tuple[dict[str, Split], dict[str, Any]]:
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
        return parts, {"val": None, "sizes": sizes(parts)}
    counts = np.bincount(parts["train"].labels, minlength=0 if data.dense else len(data.classes))
    if counts.min() < 2 and data.dense:
        raise DataError(
            f"{data.source} has one pair of image and mask to train on; expected two or more, one "
            "to validate on. Add a pair, or pass --val 0."
        )
    if counts.min() < 2:
        lonely = data.classes[int(counts.argmin())]
        raise DataError(
            f"class {lonely!r} has one training image; expected two or more, one to train on and "
            "one to validate. Add images, or pass --val 0."
        )
    train = parts["train"]
    keep, back = stratified_split(train.labels, fraction, asked.seed)
    parts["train"], parts["val"] = train.select(keep), train.select(back)
    held = [str(f) for f in parts["val"].files] or back.tolist()
    parts = {name: parts[name] for name in ("train", "val", "test") if name in parts}
    record = {"val": held, "fraction": fraction, "seed": asked.seed, "sizes": sizes(parts)}
    return parts, record


def sizes(parts: dict[str, Split]) -> dict[str, int]:
    """How many samples each split has."""
    return {name: len(part) for name, part in parts.items()}


def model_args(asked: TrainConfig, data: Dataset, how: Preprocessing) -> dict[str, Any]:
    """What the network is created with; a run remembers it."""
    chosen = {name: getattr(asked, name) for name in OPEN_OPTIONS}
    sides = {"classes": len(data.classes), "channels": how.channels, "image": how.image}
    return sides | {"seed": asked.seed} | {k: v for k, v in chosen.items() if v is not None}


def require_targets(model: str, data: Dataset) -> None:
    """Refuse data of the other kind than a network gives.

    Raises:
        DataError: masks for a classifier, or classes of images for a network that segments.
    """
    segments = model_info(model).task == "segment"
    if segments and not data.dense:
        raise DataError(
            f"{data.source} gives each image a class, {model} needs one for each pixel; expected "
            "folders images/ and masks/. Give such data, or train a classifier such as resnet18."
        )
    if data.dense and not segments:
        raise DataError(
            f"{data.source} gives each pixel a class, {model} needs one for each image; expected "
            "a folder for each class. Give such data, or train a network such as unet-same."
        )
