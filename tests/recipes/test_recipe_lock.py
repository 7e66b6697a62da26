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
