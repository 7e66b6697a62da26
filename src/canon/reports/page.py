"""The report of a run: one self-contained HTML page."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from torch import nn

from canon.analysis.charts import svg
from canon.analysis.description import sides
from canon.analysis.drawing.graph import graph_of
from canon.analysis.drawing.svg import STYLE, layout_of, text_of
from canon.interpret.filters import first_convolution
from canon.interpret.pictures import filter_sheet
from canon.models import model_info
from canon.reports import charts
from canon.reports.thumbnails import thumbnail
from canon.runs.folder import REPORT, Run
from canon.runs.record import DataRecord
from canon.training.interfaces import Metrics
from canon.utils.files import atomic_write
from canon.utils.tables import Table, counted, format_value

FILTERS = 144  # of the first convolution that are shown, at most
CARDS = 3  # figures shown in large type


def environment(package: str, folder: str = ".") -> Environment:
    """The templates of a package, with the filters that all pages use."""
    pages = Environment(
        loader=PackageLoader(package, folder), autoescape=True, undefined=StrictUndefined
    )
    pages.filters["percent"] = lambda share: format_value(share, "fraction") or "-"
    pages.filters["count"] = lambda number: f"{int(number):,}"
    pages.filters["mega"] = _mega
    pages.filters["figure"] = lambda figure: format_value(figure.value, figure.unit) or "-"
    return pages


def table_html(table: Table) -> Markup:
    """A table of metrics."""
    return Markup(
        environment("canon.reports", "templates").get_template("table.html.j2").render(table=table)
    )


def render_page(
    run: Run, metrics: Metrics, section: str, net: nn.Module, curves: str | None = None
) -> Path:
    """Write report.html into a run folder and return its path.

    Args:
        run: the run, with its result.
        metrics: the result.
        section: what only this task shows, as HTML.
        net: the trained network, whose filters are shown.
        curves: of training, as SVG; None draws those of metrics.jsonl.
    """
    record = run.record
    graph = graph_of(run.model, **run.sizes)
    table = graph.description
    drawing = text_of([layout_of(graph, run.model)], run.model, STYLE)  # the page is light
    page = environment("canon.reports", "templates").get_template("page.html.j2").render(
        run=run,
        paper=model_info(run.model).paper,
        data_name=Path(str(record.data.source)).name,
        split=(record.result or {})["split"],
        figures=metrics.figures()[:CARDS],
        images=next((f for f in metrics.figures() if f.name == "images"), None),
        section=Markup(section) or table_html(metrics.per_class(run.classes)),
        table=table,
        drawing=b64encode(drawing.encode()).decode(),
        filters=_filters(net),
        rows=[row for row in table.rows if row.params or row.kernel],
        fractions=any(row.exact for row in table.rows),
        curves=Markup(_curves(run) if curves is None else curves),
        details=_details(run),
        sides=sides,
    )  # fmt: skip
    with atomic_write(run.path / REPORT) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")
    return run.path / REPORT


def _curves(run: Run) -> str:
    return "".join(map(svg, charts.curves(run.metrics(), run.record.monitored)))


def _filters(net: nn.Module) -> dict[str, Any] | None:
    """The filters of the first convolution as a picture; None if it has none that can be seen."""
    convolution = first_convolution(net)
    if convolution is None or convolution.in_channels not in (1, 3):
        return None
    weights = convolution.weight.detach().float().cpu().numpy()
    if weights.shape[1] != convolution.in_channels or min(weights.shape[2:]) < 2:
        return None
    sheet = filter_sheet(weights[:FILTERS], 24 if len(weights) > 32 else 48)
    count, _, height, width = weights.shape
    return {"png": thumbnail(sheet, max(sheet.shape)), "width": sheet.shape[1], "count": count,
            "shown": min(count, FILTERS), "size": f"{height} x {width}"}  # fmt: skip


def _mega(number: int) -> str:
    return f"{number / 1e6:,.1f} M" if number < 1e9 else f"{number / 1e9:,.2f} G"


def _times(run: Run) -> str:
    """When, and for how long."""
    minutes = sum(line.get("seconds", 0.0) for line in run.metrics()) / 60
    started = f"started {run.record.started}, " if run.record.started else ""
    return f"{started}{minutes:,.1f} minutes of training"


def _left_out(data: DataRecord) -> Iterator[str]:
    if data.skipped:
        yield counted(len(data.skipped), "unreadable file")
    for suffix, count in data.left_out.items():
        yield f"{counted(count, 'file')} {suffix}"


def _details(run: Run) -> list[tuple[str, str]]:
    """Everything that the run used, as names and values."""
    record, recipe, prep, data = run.record, run.recipe, run.preprocessing, run.record.data
    mean, std = (" ".join(f"{v:.4f}" for v in values) for values in (prep.mean, prep.std))
    split = record.split
    assert split is not None
    held = "as in the dataset"
    if split.val is not None:
        held = f"{len(split.val):,} images held out, seed {split.seed}"
    sizes = ", ".join(f"{count:,} {name}" for name, count in split.sizes.items())
    return [
        ("data", f"{data.source}: {sizes}"),
        ("files", ", ".join(f"{n:,} {kind}" for kind, n in data.formats.items())),
        ("left out", ", ".join(_left_out(data)) or "nothing"),
        ("validation", held),
        ("input", f"{prep.channels} x {prep.size[0]} x {prep.size[1]}, mean {mean}, std {std}"),
        ("recipe", f"{recipe.name} ({recipe.source})"),
        ("optimizer", f"{recipe.optimizer}, lr {recipe.lr:g}, batch {recipe.batch}, weight decay "
         f"{recipe.decay:g}, {counted(recipe.epochs, 'epoch')}, schedule {recipe.schedule}"),
        ("images", ", ".join(filter(None, recipe.images.in_words().values()))),
        ("initial weights", record.weights.source or "the paper's initialisation"),
        ("seed", str((record.result or {}).get("seed", record.config["seed"]))),
        ("precision", record.config["precision"]),
        ("trained", _times(run)),
        ("hardware", ", ".join(f"{k} {v}" for k, v in record.hardware.items())),
        ("versions", ", ".join(f"{k} {v}" for k, v in record.versions.items())),
    ]  # fmt: skip
