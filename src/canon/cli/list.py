"""`canon list`: models, datasets, recipes, weights and clustering methods by name."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import tyro

from canon.cli.console import percent, show_table
from canon.cli.flags import Switch

if TYPE_CHECKING:
    from canon.training.recipe import Recipe


@dataclass(frozen=True)
class Command:
    """List models, published ensembles, datasets, recipes, weights, methods or figures.

    Args:
        what: models, ensembles, data (datasets), recipes, weights, methods (of clustering) or
            figures (that can be reproduced).
        json: print JSON.
        csv: print CSV.
    """

    what: tyro.conf.Positional[
        Literal["models", "ensembles", "data", "recipes", "weights", "methods", "figures"]
    ] = "models"
    json: Switch = False
    csv: Switch = False


def run(command: Command) -> int:
    """Print the list."""
    if command.what == "recipes" and command.json:
        _print_recipes()
        return 0
    lists = {"models": _models, "ensembles": _ensembles, "data": _data, "recipes": _recipes,
             "weights": _weights, "methods": _methods, "figures": _figures}  # fmt: skip
    head, rows, left = lists[command.what]()
    show_table(head, rows, as_json=command.json, as_csv=command.csv, left=left)
    if command.what == "recipes" and not (command.csv or command.json):
        print("\n* not printed by the paper: the comments in canon/recipes say where it is from")
    return 0


Listed = tuple[list[str], list[list[object]], int]


def _models() -> Listed:
    from canon.models import model_info, names

    head = ["model", "paper", "year", "image", "parameters", "multiplications", "top-1 error",
            "top-5 error", "measured on"]  # fmt: skip
    rows: list[list[object]] = []
    for model in map(model_info, names()):
        paper, published, errors = model.paper, model.published, model.published.errors
        rows.append([
            model.name, paper.authors.split(",")[0], str(paper.year), published.image,
            published.params, published.macs, percent(errors.top1 if errors else None),
            percent(errors.top5 if errors else None), errors.where if errors else "",
        ])  # fmt: skip
    return head, rows, 3


def _ensembles() -> Listed:
    from canon.models import ensembles, published_ensemble

    listed = map(published_ensemble, ensembles())
    rows: list[list[object]] = [
        [one.name, str(one.paper.year), ", ".join(one.members), percent(one.errors.top5),
         one.errors.where]
        for one in listed
    ]  # fmt: skip
    return ["ensemble", "year", "members", "top-5 error", "measured on"], rows, 3


def _weights() -> Listed:
    from canon.weights import PUBLISHED

    head = ["weights", "model", "file", "image", "mean", "std", "top-1 error", "top-5 error"]
    rows: list[list[object]] = [
        [known.name, known.model, known.file, known.image, " ".join(map(str, known.mean)),
         " ".join(map(str, known.std)), percent(1 - known.top1), percent(1 - known.top5)]
        for known in PUBLISHED.values()
    ]  # fmt: skip
    return head, rows, 3


def _data() -> Listed:
    from canon.data import BUILT_IN

    return ["data", "description"], [[name, about] for name, (_, about) in BUILT_IN.items()], 2


def _methods() -> Listed:
    """One row for each method of clustering: its choices in the taxonomy."""
    from canon.tasks.clustering.methods import METHODS

    head = ["method", "source", "network", "first clusters", "clustering loss", "reconstruction",
            "again", "augmentation"]  # fmt: skip
    rows: list[list[object]] = [
        [one.name, one.source, one.classifier or one.network, one.first, one.loss_in_words,
         "with it" if one.reconstruction else "before it", one.again_in_words,
         one.augmentation]
        for one in METHODS.values()
    ]  # fmt: skip
    return head, rows, 8


def _figures() -> Listed:
    from canon.reproduce.figures import FIGURES

    rows: list[list[object]] = [
        [f.number, f.name, f.claim, f"{f.small} s", f.full or "the same"] for f in FIGURES
    ]
    return ["number", "figure", "claim", "small scale", "full scale"], rows, 3


def _recipes() -> Listed:
    """One row for each recipe; a star marks what its paper does not print."""
    from canon.models import names

    head = ["recipe", "models", "training", "images", "source"]
    rows: list[list[object]] = []
    models: dict[Recipe[Any], list[str]] = {}
    for name in names():
        for recipe in _recipes_of(name):
            models.setdefault(recipe, []).append(name)
    for recipe, having in models.items():
        training, images = recipe.in_words()
        rows.append([recipe.name, ", ".join(having), training, images, recipe.source])
    return head, rows, 5


def _recipes_of(name: str) -> "Iterator[Recipe[Any]]":
    from canon.errors import InputError
    from canon.recipes import modern, paper

    yield modern(name)
    try:
        yield paper(name)
    except InputError:  # no paper recipe
        return


def _print_recipes() -> None:
    """Every recipe of every network as JSON."""
    from canon.models import names

    listed = [{"model": name} | asdict(recipe) for name in names() for recipe in _recipes_of(name)]
    print(json.dumps(listed, indent=1))
