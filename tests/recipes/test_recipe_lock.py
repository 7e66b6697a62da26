"""A regression lock of every setting of every recipe, and of the networks that have it.

It says nothing about papers: `test_recipe_oracles.py` does. It holds the numbers that are Canon's
own choice: the modern recipes, and what papers leave open. After a change that is meant, write it
anew: `python -m tests.recipes.test_recipe_lock`.
"""

import json
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import pytest

from canon.errors import InputError
from canon.models import names
from canon.recipes import modern, paper
from canon.recipes.images import DEFORMATIONS, LEVELS

LOCK = Path(__file__).parent / "recipes.lock.json"


def settings():
    """The settings of each recipe as JSON, and the names of its networks by recipe."""
    found = {}
    for kind in (paper, modern):
        for name in names():
            try:
                recipe = kind(name)
            except InputError:
                continue
            found.setdefault(json.dumps(asdict(recipe), sort_keys=True), []).append(name)
    return found


def locked():
    return {json.dumps(one["settings"], sort_keys=True): one["networks"]
            for one in json.loads(LOCK.read_text())}  # fmt: skip


def test_settings_are_those_that_were_locked():
    assert settings() == locked()


def test_levels_of_augmentation_are_those_that_were_locked():
    """docs/training.md has them in words."""
    found = {kind: {level: asdict(one) for level, one in levels.items()}
             for kind, levels in (("classes", LEVELS), ("masks", DEFORMATIONS))}  # fmt: skip
    locked = {
        "classes": {
            "none": {"crop": False, "flip": False},
            "light": {"crop": True, "flip": True},
            "photo": {"scale": (1.0, 1.6), "color": 0.1, "upright": True},
            "any-way-up": {"scale": (1.0, 1.3), "color": 0.0, "upright": False, "flip": True},
        },
        "masks": {
            "none": {"crop": False, "flip": False},
            "light": {"crop": True, "flip": True, "scale": (1.0, 1.0), "rotate": 0.0},
            "photo": {"scale": (0.75, 1.5), "rotate": 10.0, "elastic": 0.0, "upright": True},
            "any-way-up": {"scale": (0.8, 1.25), "rotate": 45.0, "elastic": 8.0, "upright": False},
        },
    }
    for kind, levels in locked.items():
        assert found[kind].keys() == levels.keys()
        for level, fields in levels.items():
            assert fields.items() <= found[kind][level].items()


@pytest.mark.parametrize("name", ["resnet20", "unet"])
def test_recipes_cannot_be_changed_in_place(name):
    recipe = paper(name)
    for part in (recipe, recipe.images):
        with pytest.raises(FrozenInstanceError):
            part.kind = "other"


if __name__ == "__main__":
    lines = (json.dumps({"networks": networks, "settings": json.loads(text)})
             for text, networks in settings().items())  # fmt: skip
    LOCK.write_text("[\n" + ",\n".join(lines) + "\n]\n")
