"""`canon compare`: networks and runs side by side, as a table and as charts."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from canon.cli.console import percent, progress_bars, show_table
from canon.cli.flags import Switch, flag
from canon.utils.files import write_text

if TYPE_CHECKING:
    from canon.analysis.compare import NetworkSummary
    from canon.runs.folder import Run

HEAD = ["network", "paper", "image", "weight layers", "layers in the paper", "parameters",
        "of the first", "multiplications", "of the first", "activation bytes", "field",
        "top-1 error", "top-5 error", "result", "measured on"]  # fmt: skip


@dataclass(frozen=True)
class Command:
    """Compare networks and runs: cost, receptive field and error.

    Weight layers are all convolutions and linear layers on all paths; papers count fewer, without
    projections and the shorter of several branches. Parameters and multiplications are also given
    as multiples of the first network's. Field is the receptive field of the last
    feature map, pixels per side. With --out, charts are drawn: in cost-*.svg error against cost for
    each benchmark, in depth.svg the published top-5 errors of ILSVRC with the depth of its winners.

    Args:
        names: names from `canon list models`, and run folders with their own error.
        out: the folder for the charts.
        svg: the file for drawings of the networks, one below the other.
        json: print JSON.
        csv: print CSV.
    """

    names: Annotated[
        tyro.conf.Positional[tuple[str, ...]], flag("[MODEL|RUN ...]", "all networks")
    ] = ()
    out: Annotated[Path | None, flag("DIR", "no charts")] = None
    svg: Annotated[Path | None, flag("FILE", "no drawings")] = None
    json: Switch = False
    csv: Switch = False


def run(command: Command) -> int:
    """Print the table and draw the charts."""
    from canon.errors import InputError
    from canon.models import names

    # All names are looked up before anything is measured, so that a mistake is reported at once.
    named = [_network_or_run(name) for name in command.names or names()]
    left_out = [run for run in named if _is_ensemble(run)]
    chosen = [one for one in named if not _is_ensemble(one)]
    if not chosen:
        raise InputError(_without(left_out[0]) + ". Compare these.")
    for run in left_out:
        print(_without(run), file=sys.stderr)
    rows = []
    with progress_bars() as bars:
        for i, one in enumerate(chosen, 1):
            bars.at("measuring", i, len(chosen))
            rows.append(_row(one))
    if command.json:
        print(json.dumps([asdict(row) | _multiples(row, rows[0]) for row in rows], indent=1))
    else:
        cells = (_cells(row, rows[0], command.csv) for row in rows)
        show_table(HEAD, cells, as_csv=command.csv, left=2)
    _pictures(command, rows, chosen)
    return 0


def _network_or_run(name: str) -> "str | Run":
    """The name of a network, or the run in a folder; a path is always that of a run."""
    from canon.models import model_info
    from canon.runs.open import open_run

    if "/" not in name and not Path(name, "run.json").is_file():
        return model_info(name).name
    return open_run(name)


def _is_ensemble(one: "str | Run") -> bool:
    return not isinstance(one, str) and bool(one.record.members)


def _without(one: "str | Run") -> str:
    """Why an ensemble is left out."""
    assert not isinstance(one, str)
    members = ", ".join(member.path for member in one.record.members)
    return (
        f"{one.path} is an ensemble, not a single network; expected networks or single runs, "
        f"such as its members {members}"
    )


def _row(run: "str | Run") -> "NetworkSummary":
    from canon.analysis.compare import summarize
    from canon.utils.tables import format_value

    if isinstance(run, str):
        return summarize(run)
    result = run.record.result or {}
    where = f"{run.record.data.source}, {result['split']}" if result else ""
    top1, top5 = (1 - result[top] if top in result else None for top in ("top1", "top5"))
    top5 = top5 if len(run.classes) > 5 else None  # 0 for five classes or fewer
    text = ""
    if result.get("figures"):
        headline = result["figures"][0]
        text = f"{headline['name']} {format_value(headline['value'], headline['unit'])}"
    errors = (top1, top5, where)
    return summarize(run.model, name=str(run.path), errors=errors, result=text, **run.sizes)


def _cells(row: "NetworkSummary", first: "NetworkSummary", as_csv: bool) -> list[object]:
    values = _multiples(row, first).values()
    params, macs = (f"{v:.6g}" if as_csv else _times(v) for v in values)
    return [row.name, row.paper, row.image, row.layers, row.counted, row.params, params,
            row.macs, macs, row.activation_bytes, "all" if row.field is None else row.field,
            percent(row.top1), percent(row.top5), row.result, row.where]  # fmt: skip


def _multiples(row: "NetworkSummary", first: "NetworkSummary") -> dict[str, float]:
    """Parameters and multiplications, in those of the first network."""
    return {
        "params_of_first": row.params / first.params, "macs_of_first": row.macs / first.macs
    }  # fmt: skip


def _times(multiple: float) -> str:
    return f"x {multiple:,.0f}" if multiple >= 100 else f"x {multiple:.3g}"


def _pictures(
    command: Command, rows: "list[NetworkSummary]", chosen: "Sequence[str | Run]"
) -> None:
    if command.svg is not None:
        from canon.analysis.drawing.svg import draw

        drawn = (one if isinstance(one, str) else one.model for one in chosen)
        write_text(command.svg, draw(*drawn))
    if command.out is not None:
        published = any(isinstance(one, str) for one in chosen)
        for path in _draw(rows, command.out, published):
            if not (command.json or command.csv):
                print(f"chart: {path}")


def _draw(rows: "list[NetworkSummary]", folder: Path, published: bool) -> list[Path]:
    from canon.analysis.charts import cost, revolution_of_depth, svg
    from canon.analysis.compare import by_benchmark

    folder.mkdir(parents=True, exist_ok=True)
    figures = {"depth": revolution_of_depth()} if published else {}
    for scale, measured in by_benchmark(rows).items():
        word = "".join(c if c.isalnum() else "-" for c in Path(scale).name.lower())
        taken = sum(name.partition("--")[0] == f"cost-{word}" for name in figures)
        figures[f"cost-{word}--{taken + 1}" if taken else f"cost-{word}"] = cost(measured, scale)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.svg")
        paths[-1].write_text(svg(figure), encoding="utf-8")
    return paths
