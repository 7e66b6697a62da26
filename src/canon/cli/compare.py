"""`canon compare`: networks and runs side by side, as a table and as charts."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from canon.cli.console import percent, progress_bars, show_table

if TYPE_CHECKING:
    from canon.analysis.compare import NetworkSummary

HEAD = ["network", "paper", "image", "weight layers", "parameters", "multiplications",
        "activation bytes", "field", "top-1 error", "top-5 error", "mean IoU",
        "measured on"]  # fmt: skip


@dataclass(frozen=True)
class Command:
    """Compare networks by what they cost, what they see and how well they do.

    `weight layers` are all convolutions and linear layers, side by side or not; `field` is what an
    output of the last map sees of the image, pixels a side. With --out it draws error against cost
    for each kind of images that errors were measured on
    (cost-*.svg), and the published top-5 errors of ILSVRC with the depth of its winners
    (depth.svg).

    Args:
        names: names from `canon list models`, and run folders, whose own error is taken; all
            networks if none is given.
        out: a folder for the pictures.
        json: print JSON.
        csv: print CSV.
    """

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="MODEL|RUN")] = ()
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    json: bool = False
    csv: bool = False


def run(command: Command) -> int:
    """Print the table and draw the pictures."""
    from canon.models import model_info, names

    chosen = command.names or names()
    for name in chosen:  # a misspelt one is told before the others are counted
        if not Path(name, "run.json").is_file():
            model_info(name)
    rows = []
    with progress_bars() as shown:
        for i, name in enumerate(chosen, 1):
            shown.at("counting", i, len(chosen))
            rows.append(_row(name))
    if command.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        show_table(HEAD, map(_cells, rows), as_csv=command.csv, left=2)
    if command.out is not None:
        for path in _draw(rows, command.out):
            if not (command.json or command.csv):
                print(f"picture: {path}")
    return 0


def _row(name: str) -> "NetworkSummary":
    from canon.analysis.compare import summarize

    if not Path(name, "run.json").is_file():
        return summarize(name)
    from canon.errors import InputError
    from canon.runs.open import open_run

    run = open_run(name)
    if "members" in run.facts:
        raise InputError(
            f"{name} is an ensemble; expected networks or runs of one. Compare its members: "
            f"{', '.join(member['path'] for member in run.facts['members'])}."
        )
    numbers = {k: v for k, v in run.facts["numbers"].items() if k != "seed"}
    result = run.facts.get("result", {})
    where = f"{run.facts['data']['source']}, {result['split']}" if result else ""
    top1, top5 = (1 - result[top] if top in result else None for top in ("top1", "top5"))
    return summarize(run.model, name=str(run.path), errors=(top1, top5, where),
                    iou=result.get("mean_iou"), **numbers)  # fmt: skip


def _cells(row: "NetworkSummary") -> list[object]:
    return [row.name, row.paper, row.image, row.layers, row.params, row.macs, row.activation_bytes,
            "all" if row.field is None else row.field, percent(row.top1), percent(row.top5),
            percent(row.iou), row.where]  # fmt: skip


def _draw(rows: "list[NetworkSummary]", folder: Path) -> list[Path]:
    from canon.analysis.charts import cost, revolution_of_depth, svg
    from canon.analysis.compare import by_benchmark

    folder.mkdir(parents=True, exist_ok=True)
    figures = {"depth": revolution_of_depth()}
    for scale, measured in by_benchmark(rows).items():
        word = "".join(c if c.isalnum() else "-" for c in Path(scale).name.lower())
        taken = sum(name.partition("--")[0] == f"cost-{word}" for name in figures)
        figures[f"cost-{word}--{taken + 1}" if taken else f"cost-{word}"] = cost(measured, scale)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.svg")
        paths[-1].write_text(svg(figure), encoding="utf-8")
    return paths
