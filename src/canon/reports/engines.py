"""The engines that were measured for a run, as a section of its report."""

import re

from markupsafe import Markup

from canon.analysis.charts import svg
from canon.deploy.results import engine_table, left_out
from canon.reports.charts import bars
from canon.reports.page import table_html
from canon.runs.chosen_engine import ChosenEngine
from canon.runs.folder import REPORT, Run
from canon.utils.files import write_text

START, END = "<!-- engines -->", "<!-- end of engines -->"
SECTION = re.compile(re.escape(START) + ".*?" + re.escape(END), re.DOTALL)
PLACE = "</main>"


def add_engines(run: Run, chosen: ChosenEngine) -> None:
    """Write the section into the report of a run, in place of an older one; if it has a report."""
    path = run.path / REPORT
    if not path.is_file():
        return
    page = SECTION.sub("", path.read_text(encoding="utf-8"))
    if PLACE not in page:
        return
    head, _, tail = page.rpartition(PLACE)
    write_text(path, f"{head}{START}{_section(chosen)}{END}{PLACE}{tail}")


def _section(chosen: ChosenEngine) -> Markup:
    measured = [one for one in chosen.results if one.seconds is not None]
    milliseconds = [1e3 * (one.seconds or 0.0) for one in measured]
    chart = svg(bars([one.name for one in measured], milliseconds, "ms for an image"))
    machine = ", ".join(f"{name} {value}" for name, value in chosen.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in chosen.versions.items())
    text = Markup(
        "<h2>Engines</h2>\n<p>Chosen for {goal}: <b>{name}</b>. Measured {date} on {machine}; "
        "{versions}.</p>\n"
    ).format(goal=chosen.goal, name=chosen.name, date=chosen.date, machine=machine,
             versions=versions)  # fmt: skip
    missing = Markup("").join(
        Markup('<p class="soft">Left out: {}</p>\n').format(line)
        for line in left_out(chosen.results)
    )
    return text + Markup(chart) + table_html(engine_table(chosen.results, chosen.goal)) + missing
