"""`canon show`: the layer table of a network."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import console, percent, show_table
from canon.options import UpsamplingName

if TYPE_CHECKING:
    from canon.analysis.description import Description, LayerRow
    from canon.analysis.intervals import ReceptiveField

Number = Annotated[int | None, tyro.conf.arg(metavar="N")]
Word = Annotated[str | None, tyro.conf.arg(metavar="separable|bottleneck=R|groups=G")]


@dataclass(frozen=True)
class Command:
    """Show each layer of a network: output, window, cost, and what an output sees of the image.

    Multiplications are multiply-accumulates of convolutions and linear layers for one image,
    biases excluded; activation bytes are those of the outputs in float32. `field`, `jump` and
    `offset` are the receptive field, the maximum over all paths: how many pixels a side an output
    sees, how far the next output's field is, and where the first one's middle lies. `unseen` is the
    share of its input that no window of a layer covers.

    Args:
        model: a name from `canon list models`.
        by: a row for each layer or for each named stage.
        what_if: replace every k x k convolution and say what that would save.
        image: side of the input in pixels instead of the paper's.
        channels: of the input instead of the paper's.
        classes: of the output instead of the paper's.
        width: where the name leaves it open: channels of the first level.
        depth: likewise: levels.
        up: likewise: how maps are enlarged.
        backbone: likewise: the classifier under an encoder-decoder.
        strict: refuse layers whose output size is a fraction.
        json: print JSON.
        csv: print CSV.
    """

    model: tyro.conf.Positional[str]
    by: Literal["layer", "stage"] = "layer"
    what_if: Word = None
    image: Number = None
    channels: Number = None
    classes: Number = None
    width: Number = None
    depth: Number = None
    up: Annotated[UpsamplingName | None, tyro.conf.arg(metavar="KIND")] = None
    backbone: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    strict: bool = False
    json: bool = False
    csv: bool = False


HEAD = ["layer", "stage", "kind", "output", "kernel", "stride", "padding", "parameters",
        "multiplications", "activation bytes", "field", "jump", "offset", "unseen"]  # fmt: skip


def run(command: Command) -> int:
    """Print the table."""
    from canon.analysis.layer_table import describe

    c = command
    sides = {"image": c.image, "channels": c.channels, "classes": c.classes}
    if c.what_if is not None:
        from canon.cli.show_what_if import show_what_if

        _alone(c)
        show_what_if(c.model, c.what_if, sides, as_json=c.json, as_csv=c.csv)
        return 0
    table = describe(
        c.model, c.image, channels=c.channels, classes=c.classes, strict=c.strict,
        width=c.width, depth=c.depth, up=c.up, backbone=c.backbone,
    )  # fmt: skip
    shown = table.rows if c.by == "layer" else table.stages()
    if c.json:
        _print_json(c.model, table, shown)
        return 0
    rows = [_cells(table, row) for row in shown]
    if not c.csv:
        rows.append(["total", *[None] * 6, table.params, table.macs, table.activation_bytes,
                     *[None] * 4])  # fmt: skip
        print_head(c.model, table)
    show_table(HEAD, rows, as_csv=c.csv, left=3)
    if not c.csv:
        _print_notes(c.model, table)
    return 0


def _alone(command: Command) -> None:
    from canon.errors import InputError

    chosen = (command.width, command.depth, command.up, command.backbone)
    if command.strict or command.by != "layer" or any(chosen):
        raise InputError(
            "--what-if shows one row a convolution of the network as it is; expected neither "
            "--strict nor --by nor other numbers with it. Leave them out."
        )


def _cells(table: "Description", row: "LayerRow") -> list[object]:
    from canon.analysis.description import sides

    size, jump, offset = table.seen(row.field)
    sight = ["all", *[None] * 2] if row.field.whole else [sides(size), sides(jump), sides(offset)]
    windows = [sides(pair) for pair in (row.kernel, row.stride, row.padding)]
    lost = percent(row.unseen_share, 1) if row.unseen_share else None
    return [row.name, row.stage, row.kind, " x ".join(map(str, row.output)), *windows, row.params,
            row.macs, row.activation_bytes, *sight, lost]  # fmt: skip


def _print_json(model: str, table: "Description", rows: tuple["LayerRow", ...]) -> None:
    layers = [asdict(row) | {"field": _field(table, row.field)} for row in rows]
    print(json.dumps({
        "model": model, "input": table.input, "parameters": table.params,
        "multiplications": table.macs, "activation_bytes": table.activation_bytes,
        "field": _field(table, table.field), "layers": layers,
    }, indent=1))  # fmt: skip


def _field(table: "Description", field: "ReceptiveField") -> dict[str, Any]:
    size, jump, offset = table.seen(field)
    return {"size": size, "jump": jump, "offset": offset, "whole": field.whole}


def print_head(model: str, table: "Description") -> None:
    """What is published of a network, above its table."""
    from canon.models import model_info

    paper, published = model_info(model).paper, model_info(model).published
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
    if published.aux_params:
        out.print(f"auxiliary heads, for training only: {published.aux_params:,} more parameters")
    if errors := published.errors:
        rates = {"top-1": errors.top1, "top-5": errors.top5}
        told = ", ".join(f"{name} {percent(rate)}" for name, rate in rates.items() if rate)
        out.print(f"published error: {told}, {errors.where}")
    out.print(f"input: {' x '.join(map(str, table.input))}\n")


def _print_notes(model: str, table: "Description") -> None:
    from canon.analysis.description import sides
    from canon.models import model_info

    out = console()
    for row in table.rows:
        if row.exact is not None:
            lost = f"{row.unseen} pixels at the right and lower edge are never seen"
            seen = lost if row.unseen else "every pixel is seen, the last window less padded"
            out.print(f"\n{row.name}: {row.exact:.2f} outputs a side, rounded; {seen}", end="")
    size, jump, _ = table.seen(table.field)
    sight = "the whole image" if table.field.whole else f"{sides(size)} pixels a side"
    out.print(f"\nan output of the last map sees {sight}, its neighbour {sides(jump)} further on")
    paper_image = model_info(model).published.image
    if table.input[-1] != paper_image:
        out.print(f"the paper's input is {paper_image} x {paper_image}")
