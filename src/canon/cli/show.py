"""`canon show`: the layer table of a network."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from canon.cli.out import console, percent, show_table

if TYPE_CHECKING:
    from canon.explain import Description, Row

Number = Annotated[int | None, tyro.conf.arg(metavar="N")]


@dataclass(frozen=True)
class Command:
    """Show each layer of a network: output, window, parameters, multiplications, memory.

    Multiplications are multiply-accumulates of convolutions and linear layers for one image,
    biases excluded; activation bytes are those of the outputs in float32.

    Args:
        model: a name from `canon list models`.
        image: side of the input in pixels instead of the paper's.
        channels: of the input instead of the paper's.
        classes: of the output instead of the paper's.
        strict: refuse layers whose output size is a fraction.
        json: print JSON.
        csv: print CSV.
    """

    model: tyro.conf.Positional[str]
    image: Number = None
    channels: Number = None
    classes: Number = None
    strict: bool = False
    json: bool = False
    csv: bool = False


HEAD = ["layer", "stage", "kind", "output", "kernel", "stride", "padding", "parameters",
        "multiplications", "activation bytes"]  # fmt: skip


def run(command: Command) -> int:
    """Print the table."""
    from canon.explain import describe
    from canon.models import entry

    c = command
    table = describe(c.model, c.image, channels=c.channels, classes=c.classes, strict=c.strict)
    if c.json:
        _print_json(c.model, table)
        return 0
    rows = [_cells(row) for row in table.rows]
    if not c.csv:
        rows.append(["total", *[None] * 6, table.params, table.macs, table.activation_bytes])
        _print_head(c.model, table)
    show_table(HEAD, rows, as_csv=c.csv, left=3)
    if not c.csv:
        _print_notes(table, entry(c.model).published.image)
    return 0


def _cells(row: "Row") -> list[object]:
    return [row.name, row.stage, row.kind, " x ".join(map(str, row.output)), row.kernel, row.stride,
            row.padding, row.params, row.macs, row.activation_bytes]  # fmt: skip


def _print_json(model: str, table: "Description") -> None:
    print(json.dumps({
        "model": model, "input": table.input, "parameters": table.params,
        "multiplications": table.macs, "activation_bytes": table.activation_bytes,
        "layers": [asdict(row) for row in table.rows],
    }, indent=1))  # fmt: skip


def _print_head(model: str, table: "Description") -> None:
    from canon.models import entry

    paper, published = entry(model).paper, entry(model).published
    out = console()
    out.print(
        f"{model}: {paper.authors}, {paper.title}, {paper.venue} {paper.year}, {paper.identifier}"
    )
    for what, exact, printed in (
        ("parameters", published.params, published.printed_params),
        ("multiplications", published.macs, published.printed_macs),
    ):
        said = f"; the paper prints {printed.value:g} ({printed.where})" if printed else ""
        out.print(f"{what}: {exact:,} at the paper's size{said}")
    if errors := published.errors:
        rates = {"top-1": errors.top1, "top-5": errors.top5}
        told = ", ".join(f"{name} {percent(rate)}" for name, rate in rates.items() if rate)
        out.print(f"published error: {told}, {errors.where}")
    out.print(f"input: {' x '.join(map(str, table.input))}\n")


def _print_notes(table: "Description", paper_image: int) -> None:
    out = console()
    for row in table.rows:
        if row.exact is not None:
            lost = f"{row.unseen} pixels at the right and lower edge are never seen"
            seen = lost if row.unseen else "every pixel is seen, the last window less padded"
            out.print(f"\n{row.name}: {row.exact:.2f} outputs a side, rounded; {seen}", end="")
    if table.input[-1] != paper_image:
        out.print(f"\nthe paper's input is {paper_image} x {paper_image}", end="")
    out.print()
