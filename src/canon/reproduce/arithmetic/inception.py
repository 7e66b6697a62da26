"""Inception modules, naive and reduced, and what a 1 x 1 reduction saves."""

from canon.analysis import describe
from canon.analysis.convolution import Form, Window
from canon.reproduce.charts import bars
from canon.reproduce.result import Picture, Result, Row, Work, agreement

COURSE, PAPER = "course", "Szegedy et al., CVPR 2015, Table 1"


def run(work: Work) -> Result:
    """Count the layers of the course, and the modules of the paper."""
    del work
    wide = Window((32, 32), 200, 5, 92, padding=2)
    reduced = _reduced(wide, 16)
    naive = {row.name: row for row in describe("googlenet-naive").stages()}
    module = {row.name: row for row in describe("googlenet").stages()}
    naive3a, module3a = naive["inception3a"], module["inception3a"]
    rows = (
        Row("5 x 5, 200 to 92 channels at 32 x 32: multiplications", wide.form.macs, 470_000_000, COURSE, 0.5e6),
        Row("1 x 1 to 16 channels first", reduced.macs, 40_000_000, COURSE, 0.5e6),
        Row("naive module 3a: output", naive3a.output, (416, 28, 28), COURSE),
        Row("reduced module 3a: output", module3a.output, (256, 28, 28), PAPER),
        Row("reduced module 3a: multiplications, millions", module3a.macs / 1e6, 128, PAPER, 0.5),
        Row("reduced module 3b: multiplications, millions", module["inception3b"].macs / 1e6, 304, PAPER, 0.5),
        Row("naive module 3a: multiplications, millions", naive3a.macs / 1e6),
        Row("naive module 5b: output", naive["inception5b"].output),
        Row("reduced module 5b: output", module["inception5b"].output, (1024, 7, 7), PAPER),
    )  # fmt: skip
    chart = bars(
        ["5 x 5 alone", "with reduction", "module 3a, naive", "module 3a, reduced"],
        [wide.form.macs / 1e6, reduced.macs / 1e6, naive3a.macs / 1e6, module3a.macs / 1e6],
        "multiplications, millions",
    )
    conclusion = (
        f"{agreement(rows)} The reduction saves a factor of "
        f"{wide.form.macs / reduced.macs:.1f} in the layer of the course, and of "
        f"{naive3a.macs / module3a.macs:.1f} in module 3a."
    )
    return Result(rows, (Picture("What 1 x 1 reductions save", chart),), conclusion)


def _reduced(window: Window, width: int) -> Form:
    return next(form for form in window.other_forms(width) if form.name.startswith("1 x 1"))
