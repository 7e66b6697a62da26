"""`canon list`: models, datasets, recipes and weights by name."""

from dataclasses import dataclass
from typing import Literal

import tyro

from canon.cli.console import percent, show_table
from canon.cli.flags import Switch


@dataclass(frozen=True)
class Command:
    """List models, published ensembles, datasets, recipes or weights.

    Args:
        what: models, ensembles, data (datasets), recipes or weights.
        json: print JSON.
        csv: print CSV.
    """

    what: tyro.conf.Positional[Literal["models", "ensembles", "data", "recipes", "weights"]] = (
        "models"
    )
    json: Switch = False
    csv: Switch = False


def run(command: Command) -> int:
    """Print the list."""
    lists = {"models": _models, "ensembles": _ensembles, "data": _data, "recipes": _recipes,
             "weights": _weights}  # fmt: skip
    head, rows, left = lists[command.what]()
    show_table(head, rows, as_json=command.json, as_csv=command.csv, left=left)
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


def _recipes() -> Listed:
    from canon.errors import InputError
    from canon.models import names
    from canon.recipes import modern, paper

    head = ["model", "recipe", "optimizer", "lr", "batch", "epochs", "schedule", "decay",
            "protocol", "source"]  # fmt: skip
    rows: list[list[object]] = []
    for name in names():
        for make in (modern, paper):
            try:
                r = make(name)
            except InputError:  # no paper recipe
                continue
            rows.append([name, r.name, str(r.optimizer), f"{r.lr:g}", r.batch, r.epochs,
                         r.schedule.kind, f"{r.decay:g}", r.images.protocol, r.source])  # fmt: skip
    return head, rows, 3
