"""Recipes as run.json records them."""

from typing import Any

from canon.data.augment.augmentation import Augmentation
from canon.data.augment.deformation import Deformation
from canon.recipes.images import ClassificationRecipe, SegmentationRecipe
from canon.training.optimizers import SGD, AdamW, DiagonalLM, RMSprop
from canon.training.recipe import Recipe
from canon.training.schedules import Constant, Cosine, Exponential, Plateau, Steps

OPTIMIZERS = {one.kind: one for one in (SGD, AdamW, RMSprop, DiagonalLM)}
SCHEDULES = {one.kind: one for one in (Constant, Steps, Exponential, Cosine, Plateau)}
IMAGES = {one.kind: one for one in (ClassificationRecipe, SegmentationRecipe)}
NESTED = {"augmentation": Augmentation, "deformation": Deformation}


def recipe_from_json(content: dict[str, Any]) -> Recipe[Any]:
    """A recipe from its `asdict` as JSON; missing fields have their defaults.

    Raises:
        KeyError, TypeError: it is no recipe.
    """
    values = _with_tuples(content)
    images = values["images"]
    images |= {name: kind(**images[name]) for name, kind in NESTED.items() if name in images}
    parts = {
        "optimizer": _of_kind(OPTIMIZERS, values["optimizer"]),
        "schedule": _of_kind(SCHEDULES, values["schedule"]),
        "images": _of_kind(IMAGES, images),
    }
    return Recipe(**values | parts)


def _of_kind(kinds: dict[str, Any], content: dict[str, Any]) -> Any:
    values = dict(content)
    return kinds[values.pop("kind")](**values)


def _with_tuples(value: Any) -> Any:
    """JSON with tuples in place of its lists."""
    if isinstance(value, dict):
        return {name: _with_tuples(one) for name, one in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
