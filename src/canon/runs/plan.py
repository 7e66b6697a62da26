"""Resolve a configuration: recipe, hold-out split, normalisation."""

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from canon.data import Dataset, Preprocessing, Split
from canon.data.packs.base import ChannelStatistics
from canon.data.sampling import stratified_split
from canon.errors import DataError, InputError
from canon.models import model_info
from canon.options import OPEN_OPTIONS
from canon.recipes import modern, paper
from canon.recipes.images import AugmentFlags
from canon.runs.config import TrainConfig
from canon.runs.initial_weights import InitialWeights
from canon.runs.record import SplitRecord
from canon.training.recipe import Recipe
from canon.training.schedules import Plateau

# What a configuration may set of a recipe, and of its part for images.
OVERRIDES = ("epochs", "batch", "lr", "val")
IMAGES_OVERRIDES = ("class_weights", "border_weight", "dice_weight")
MAY_BE_ZERO = ("val", "border_weight", "dice_weight", "rotate")


def choose_recipe(config: TrainConfig) -> Recipe[Any]:
    """The recipe of the configuration, with the numbers that it sets.

    Raises:
        InputError: a number out of range, or an extra that is not installed.
    """
    recipe = paper(config.model) if config.recipe == "paper" else modern(config.model)
    if config.augment == "auto":
        recipe.images.require_extras()
    _require_ranges(config)
    _require_zoom(config.zoom)
    images = replace(recipe.images, **_given(config, IMAGES_OVERRIDES))
    return replace(recipe, images=images, **_given(config, OVERRIDES))


def _require_zoom(zoom: float | None) -> None:
    if zoom is not None and zoom < 1:
        raise InputError(
            f"--zoom is {zoom}; expected the largest magnification, 1 or more. Pass --zoom 1.5, or "
            "1 to switch it off."
        )


def _given(config: TrainConfig, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(config, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _require_ranges(config: TrainConfig) -> None:
    numbers = ("epochs", "batch", "lr", "val", "border_weight", "dice_weight", "rotate", "zoom")
    for name in (*numbers, "accumulate", "time_limit", "image", "crop_width", "downscale"):
        value, flag = getattr(config, name), f"--{name.replace('_', '-')}"
        if value is None:
            continue
        if not isfinite(value):
            raise InputError(f"{flag} is {value}; expected a finite number. Pass another one.")
        if value < 0 or (name not in MAY_BE_ZERO and value == 0):
            raise InputError(f"{flag} is {value}; expected more than 0. Pass a larger one.")
    for name in ("patience", "seed"):
        if not 0 <= getattr(config, name) < 2**63:
            raise InputError(f"--{name} is {getattr(config, name)}; expected 0 to 2^63. Pass 0.")
    if config.val is not None and not config.val < 1:
        raise InputError(f"--val is {config.val}; expected a fraction below 1. Pass --val 0.1.")


def augmented(recipe: Recipe[Any], config: TrainConfig, *, color: bool) -> Recipe[Any]:
    """The recipe with the augmentation that the configuration or the images ask for.

    Raises:
        InputError: an extra that is not installed.
    """
    flags = AugmentFlags(config.augment, config.flip, config.rotate, config.zoom)
    recipe = replace(recipe, images=recipe.images.augmented(flags, color=color))
    recipe.images.require_extras()
    return recipe


def fit_batch(recipe: Recipe[Any], config: TrainConfig, samples: int) -> Recipe[Any]:
    """The recipe with a batch that the dataset allows.

    A recipe's own batch shrinks to a quarter of a small dataset, and a modern recipe's learning
    rate with it.

    Raises:
        InputError: the given batch is larger than the dataset.
    """
    if config.batch and config.batch > samples:
        raise InputError(
            f"--batch {config.batch} is more than the {samples} training images; expected at "
            f"most as many. Pass --batch {samples} or less."
        )
    batch = largest_batch(samples)
    if config.batch or recipe.batch <= batch:
        return recipe
    scaled = recipe.name == "modern" and config.lr is None
    return replace(
        recipe, batch=batch, lr=recipe.lr * batch / recipe.batch if scaled else recipe.lr
    )


def largest_batch(samples: int) -> int:
    """Images per step at most: a quarter of a small dataset, and the two of batch normalisation."""
    return max(2, samples // 4)


def with_normalization(
    prep: Preprocessing, recipe: Recipe[Any], initial: InitialWeights | None, own: ChannelStatistics
) -> Preprocessing:
    """The preprocessing with the mean and std that the initial weights or the recipe expect.

    Args:
        prep: the preprocessing without them.
        recipe: names a normalisation.
        initial: the initial weights, which may come with their own.
        own: mean and std of the training images.
    """
    mean, std = own
    expected = initial.normalization(prep) if initial else None
    if expected:
        mean, std = expected
    elif initial is not None:  # a weight file does not record its normalisation
        pass
    elif recipe.normalization == "lenet5":  # black to -0.1, white to 1.175 (section III.A)
        mean, std = (0.1 / 1.275,) * prep.channels, (1 / 1.275,) * prep.channels
    elif recipe.normalization == "none":
        mean, std = (0.0,) * prep.channels, (1.0,) * prep.channels
    elif recipe.normalization == "mean":
        std = (1 / 255,) * prep.channels
    return replace(prep, mean=tuple(mean), std=tuple(std))


def hold_out(
    data: Dataset, recipe: Recipe[Any], config: TrainConfig
) -> tuple[dict[str, Split], SplitRecord]:
    """The splits to train, monitor and test on, and the record of what was held out.

    A dataset without a validation split gives a stratified part of its training images, a fifth if
    it has no test split either; `val` 0 holds out nothing.

    Raises:
        DataError: a class has too few images to be split.
        InputError: a decision would have to be taken on the test split.
    """
    splits, fraction = dict(data.splits), recipe.val
    if config.val is None and "test" not in splits and fraction:
        fraction = max(fraction, 0.2)
    if "val" in splits or fraction == 0:
        if "val" not in splits and (config.patience or isinstance(recipe.schedule, Plateau)):
            raise InputError(
                "early stopping and plateau schedules need a validation split; expected --val "
                "above 0. Pass --val 0.1."
            )
        return splits, SplitRecord(data.sizes)
    train = splits["train"]
    strata = train.targets.strata()
    groups, counts = np.unique(strata, return_counts=True)
    if counts.min() < 2:
        name = train.targets.stratum_name(int(groups[counts.argmin()]))
        raise DataError(
            f"{name} has one training image; expected two or more, one to train on and one to "
            "validate on. Add images, or pass --val 0."
        )
    rest, held = stratified_split(strata, fraction, config.seed)
    splits["train"], splits["val"] = train.select(rest), train.select(held)
    val = [str(f) for f in splits["val"].images.files] or held.tolist()
    splits = {name: splits[name] for name in ("train", "val", "test") if name in splits}
    sizes = {name: len(split) for name, split in splits.items()}
    return splits, SplitRecord(sizes, tuple(val), fraction, config.seed)


def open_options(config: TrainConfig) -> dict[str, Any]:
    """What the configuration chooses where the network's name leaves it open."""
    return _given(config, OPEN_OPTIONS)


def model_args(config: TrainConfig, sides: dict[str, int]) -> dict[str, Any]:
    """What the network is built with; run.json records it."""
    info = model_info(config.model)
    taken = {name: side for name, side in sides.items() if name != "classes" or info.takes(name)}
    return taken | {"seed": config.seed} | open_options(config)
