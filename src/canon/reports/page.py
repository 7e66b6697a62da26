"""The report of a run: one self-contained HTML page."""

from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from canon.analysis.charts import svg
from canon.analysis.description import sides
from canon.analysis.layer_table import describe
from canon.models import model_info
from canon.reports import charts
from canon.runs.folder import REPORT, Run
from canon.utils.files import atomic_write


def render_page(template: str, run: Run, split: str, **told: Any) -> Path:
    """Write a page into a run folder and return its path.

    Args:
        template: of the page.
        run: the run; its metrics and facts are shown.
        split: what it was evaluated on.
        told: what the template needs beside them.
    """
    pages = Environment(
        loader=PackageLoader("canon.reports"), autoescape=True, undefined=StrictUndefined
    )
    numbers = {name: n for name, n in run.facts["numbers"].items() if name != "seed"}
    table = describe(run.model, **numbers)
    monitored = "test" if run.facts["split"]["val"] is None and "val" not in _counts(run) else "val"
    page = pages.get_template(template).render(
        run=run,
        paper=model_info(run.model).paper,
        data_name=Path(run.facts["data"]["source"]).name,
        split=split,
        table=table,
        rows=[row for row in table.rows if row.params or row.kernel],
        fractions=any(row.exact for row in table.rows),
        curves=Markup(svg(charts.curves(run.metrics(), monitored))),
        facts=_facts(run),
        pct=lambda share: "-" if np.isnan(share) else f"{100 * share:.2f} %",
        sides=sides,
        num=lambda count: f"{int(count):,}",
        mega=lambda count: f"{count / 1e6:,.1f} M" if count < 1e9 else f"{count / 1e9:,.2f} G",
        **told,
    )
    with atomic_write(run.path / REPORT) as aside:
        aside.write_text(page, encoding="utf-8")
    return run.path / REPORT


def _counts(run: Run) -> dict[str, Any]:
    return run.facts["data"]["counts"]


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = run.facts
    recipe, how, data = facts["recipe"], run.preprocessing, facts["data"]
    mean, std = (" ".join(f"{v:.4f}" for v in values) for values in (how.mean, how.std))
    held = facts["split"]["val"]
    counts = {name: sum(numbers) for name, numbers in _counts(run).items()}
    kind = "warping" if run.values else "augmentation"
    change = ", ".join(f"{k} {v}" for k, v in recipe[kind].items())
    return [
        ("data", f"{data['source']}: " + ", ".join(f"{n:,} {name}" for name, n in counts.items())),
        ("files", ", ".join(f"{n:,} {kind}" for kind, n in data["formats"].items())),
        ("left out", f"{len(data['skipped'])} unreadable files" if data["skipped"] else "nothing"),
        ("validation", "as given" if held is None else f"{len(held):,} held back, seed "
         f"{facts['split']['seed']}"),
        ("input", f"{how.channels} x {how.image} x {how.image}, mean {mean}, deviation {std}"),
        ("recipe", f"{recipe['name']} ({recipe['source']})"),
        ("optimiser", f"{recipe['optimiser']}, lr {recipe['lr']:g}, batch {recipe['batch']}, "
         f"decay {recipe['decay']:g}, {recipe['epochs']} epochs, {recipe['schedule']} schedule"),
        ("augmentation", change),
        ("weights from", facts["weights"]["from"] or "the paper's initialisation"),
        ("seed", str(facts["asked"]["seed"])),
        ("precision", facts["asked"]["precision"]),
        ("hardware", ", ".join(f"{k} {v}" for k, v in facts["hardware"].items())),
        ("versions", ", ".join(f"{k} {v}" for k, v in facts["versions"].items())),
    ]  # fmt: skip
