"""Table 2 of VGG: parameters of the configurations A to E."""

from matplotlib.figure import Figure

from canon.analysis import Description, describe
from canon.analysis.charts import ACCENT, INK, SECOND
from canon.reproduce.result import Picture, Result, Row, Work, agreement

SOURCE = "Simonyan, Zisserman, ICLR 2015, Table 2"

LAYERS = "Simonyan, Zisserman, ICLR 2015, Table 1"

# Millions of parameters, and weight layers of Table 1.
TABLE = (
    ("A", "vgg11", 133, 11), ("A-LRN", "vgg11-lrn", 133, 11), ("B", "vgg13", 133, 13),
    ("C", "vgg16-c", 134, 16), ("D", "vgg16", 138, 16), ("E", "vgg19", 144, 19),
)  # fmt: skip


def run(work: Work) -> Result:
    """Build the networks and count."""
    rows, tables = [], {}
    for done, (letter, name, millions, layers) in enumerate(TABLE, 1):
        table = tables[letter] = describe(name)
        rows += [
            Row(f"{letter}: parameters, millions", table.params / 1e6, millions, SOURCE, 0.5),
            Row(f"{letter}: weight layers", table.depth, layers, LAYERS),
        ]
        work.watch("counting", done, len(TABLE))
    stack, single = 3 * 9, 49
    rows.append(Row(
        "weights of one 7 x 7 over three 3 x 3, more by %", 100 * (single / stack - 1), 81,
        "section 2.3", 0.5,
    ))  # fmt: skip
    share = _linear(tables["D"]) / tables["D"].params
    conclusion = (
        f"{agreement(tuple(rows))} The fully connected layers hold {100 * share:.0f} % of the "
        f"parameters of configuration D."
    )
    return Result(tuple(rows), (Picture("Parameters of VGG A to E", _chart(tables)),), conclusion)


def _linear(table: Description) -> int:
    return sum(row.params for row in table.rows if row.kind == "Linear")


def _chart(tables: dict[str, Description]) -> Figure:
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    linear = [_linear(table) / 1e6 for table in tables.values()]
    rest = [table.params / 1e6 - n for table, n in zip(tables.values(), linear, strict=True)]
    axes.bar(list(tables), rest, color=ACCENT, label="convolutions")
    axes.bar(list(tables), linear, bottom=rest, color=SECOND, alpha=0.7, label="fully connected")
    for x, table in enumerate(tables.values()):
        axes.text(x, table.params / 1e6 + 2, f"{table.params / 1e6:.1f}", ha="center", color=INK)
    axes.set_ylabel("parameters, millions", color=INK)
    axes.set_ylim(0, 185)
    axes.legend(frameon=False, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
