"""`canon show`: the layer table of a network."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import console, percent, show_table
from canon.cli.flags import Switch, flag
from canon.errors import InputError
from canon.options import UpsamplingName
from canon.utils.files import write_text

if TYPE_CHECKING:
    from canon.analysis.description import Description, LayerRow
    from canon.analysis.intervals import ReceptiveField


@dataclass(frozen=True)
class Command:
    """Show the layer table of a network: output size, cost and receptive field of each layer.

    Multiplications are multiply-accumulates of convolutions, linear layers and LeNet-5's own layers
    for one image, biases excluded. Activation bytes are those of the outputs in float32. Field,
    jump and offset describe the receptive field in pixels: its size (the largest, where paths
    join), the distance between neighbouring outputs' fields, and the centre of the first one.
    Unseen is the fraction of a layer's input that no window covers.

    Args:
        model: a name from `canon list models`.
        by: one row for each layer, or for each named stage.
        what_if: show the cost if every k x k convolution were replaced: separable (depthwise and
            pointwise), bottleneck=R (after a 1 x 1 reduction to R channels), or groups=G (in G
            groups).
        fully_convolutional: show a classifier as a fully convolutional network on a square image of
            this side in pixels, and what the same scores would cost crop by crop.
        image: side of the input in pixels.
        channels: channels of the input.
        classes: number of classes.
        width: channels of the first level (U-Net variants and encoder-decoder only).
        depth: number of downsampling steps (U-Net variants only).
        upsampling: nearest, bilinear, bicubic, transposed, channelwise, unpool or bed-of-nails, for
            segmentation networks whose name does not fix it.
        backbone: classifier that the network is built on (encoder-decoder only).
        strict: report an error for layers whose output size is not an integer.
        svg: the file for a drawing of the network.
        block: draw a block of this stage by itself instead.
        numbers: write these under each stage of the drawing: field (receptive field), parameters,
            multiplications.
        json: print JSON.
        csv: print CSV.
    """

    model: tyro.conf.Positional[str]
    by: Literal["layer", "stage"] = "layer"
    what_if: Annotated[str | None, flag("separable|bottleneck=R|groups=G", "no replacement")] = None
    fully_convolutional: Annotated[int | None, flag("SIDE", "the network as it is")] = None
    image: Annotated[int | None, flag("N", "the paper's")] = None
    channels: Annotated[int | None, flag("N", "the paper's")] = None
    classes: Annotated[int | None, flag("N", "the paper's")] = None
    width: Annotated[int | None, flag("N", "the paper's")] = None
    depth: Annotated[int | None, flag("N", "the paper's")] = None
    upsampling: Annotated[UpsamplingName | None, flag("METHOD", "the paper's")] = None
    backbone: Annotated[str | None, flag("MODEL", "resnet34")] = None
    strict: Switch = False
    svg: Annotated[Path | None, flag("FILE", "no drawing")] = None
    block: Annotated[str | None, flag("STAGE", "the whole network")] = None
    numbers: Annotated[
        tuple[Literal["field", "parameters", "multiplications"], ...], flag("NAME", "none")
    ] = ()
    json: Switch = False
    csv: Switch = False


HEAD = ["layer", "stage", "kind", "output", "kernel", "stride", "padding", "parameters",
        "multiplications", "activation bytes", "field", "jump", "offset", "unseen"]  # fmt: skip


def run(command: Command) -> int:
    """Print the table."""
    c = command
    sides: dict[str, Any] = {"image": c.image, "channels": c.channels, "classes": c.classes}
    options: dict[str, Any] = {"width": c.width, "depth": c.depth, "upsampling": c.upsampling,
               "backbone": c.backbone}  # fmt: skip
    if c.what_if is not None:
        from canon.cli.show_what_if import show_what_if

        _alone(c, "what-if")
        show_what_if(c.model, c.what_if, sides, as_json=c.json, as_csv=c.csv)
    elif c.fully_convolutional is not None:
        _alone(c, "fully-convolutional")
        _show_dense(c, c.fully_convolutional, sides)
    elif c.svg is not None:
        _draw(c, c.svg, sides | options)
    elif c.block is not None or c.numbers:
        raise InputError(
            f"--{'block' if c.block else 'numbers'} is for drawings; expected --svg. Pass --svg "
            "FILE."
        )
    else:
        from canon.analysis.layer_table import describe

        table = describe(c.model, strict=c.strict, **sides, **options)
        if not (c.json or c.csv):
            print_head(c.model, table)
        _print_table(c, table)
        if not (c.json or c.csv):
            _print_notes(c.model, table)
    return 0


def _print_table(command: Command, table: "Description", **more: Any) -> None:
    shown = table.rows if command.by == "layer" else table.stages()
    if command.json:
        _print_json(command.model, table, shown, **more)
        return
    rows = [_cells(table, row) for row in shown]
    if not command.csv:
        rows.append(["total", *[None] * 6, table.params, table.macs, table.activation_bytes,
                     *[None] * 4])  # fmt: skip
    show_table(HEAD, rows, as_csv=command.csv, left=3)


def _show_dense(command: Command, size: int, sides: dict[str, Any]) -> None:
    from canon.analysis.dense_cost import dense_cost

    cost = dense_cost(command.model, size, **sides)
    height, width = cost.scores
    dense, crops = cost.table.macs, cost.crops_macs
    if not (command.json or command.csv):
        console().print(
            f"{command.model} as a fully convolutional network on {size} x {size} pixels\n"
            f"scores: {height} x {width}, one every {cost.jump} px, each of {cost.native} x "
            f"{cost.native} px\nmultiplications: {dense:,}; crop by crop {crops:,}, "
            f"{crops / dense:.3g} times as many\n"
        )
    _print_table(command, cost.table, scores=[height, width], jump=cost.jump, native=cost.native,
                 multiplications_of_crops=crops)  # fmt: skip


def _draw(command: Command, path: Path, options: dict[str, Any]) -> None:
    from canon.analysis.drawing.svg import draw, draw_block

    model, block = command.model, command.block
    if block is not None and command.numbers:
        raise InputError("--numbers is for whole networks; expected no --block. Leave one out.")
    text = (
        draw(model, numbers=command.numbers, **options) if block is None
        else draw_block(model, block, **options)
    )  # fmt: skip
    write_text(path, text)
    print(path)


def _alone(command: Command, flag: str) -> None:
    """Refuse flags that cannot be combined with another one."""
    others = {"strict": command.strict, "width": command.width, "depth": command.depth,
              "upsampling": command.upsampling, "backbone": command.backbone,
              "svg": command.svg is not None}  # fmt: skip
    if flag == "what-if":
        others |= {"by": command.by != "layer",
                   "fully-convolutional": command.fully_convolutional is not None}  # fmt: skip
    if wrong := [f"--{name}" for name, given in others.items() if given]:
        raise InputError(f"--{flag} cannot be combined with {wrong[0]}. Remove one of them.")


def _cells(table: "Description", row: "LayerRow") -> list[object]:
    from canon.analysis.description import sides

    size, jump, offset = table.seen(row.field)
    sight = ["all", *[None] * 2] if row.field.whole else [sides(size), sides(jump), sides(offset)]
    windows = [sides(pair) for pair in (row.kernel, row.stride, row.padding)]
    lost = percent(row.unseen_share, 1) if row.unseen_share else None
    return [row.name, row.stage, row.kind, " x ".join(map(str, row.output)), *windows, row.params,
            row.macs, row.activation_bytes, *sight, lost]  # fmt: skip


def _print_json(
    model: str, table: "Description", rows: tuple["LayerRow", ...], **more: Any
) -> None:
    layers = [asdict(row) | {"field": _field(table, row.field)} for row in rows]
    print(json.dumps({
        "model": model, "input": table.input, "parameters": table.params,
        "multiplications": table.macs, "activation_bytes": table.activation_bytes,
        "field": _field(table, table.field), **more, "layers": layers,
    }, indent=1))  # fmt: skip


def _field(table: "Description", field: "ReceptiveField") -> dict[str, Any]:
    size, jump, offset = table.seen(field)
    return {"size": size, "jump": jump, "offset": offset, "whole": field.whole}


def print_head(model: str, table: "Description") -> None:
    """Print what is published of a network, above its table."""
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
        paper_value = (
            f"; the paper prints {printed.value:,.0f} ({printed.where})" if printed else ""
        )
        out.print(f"{what}: {exact:,} at the paper's size{paper_value}")
    counted = f"; the paper counts {published.layers}" if published.layers else ""
    out.print(f"layers with weights: {table.depth}{counted}")
    if published.aux_params:
        out.print(f"auxiliary heads, for training only: {published.aux_params:,} more parameters")
    if errors := published.errors:
        rates = {"top-1": errors.top1, "top-5": errors.top5}
        listed = ", ".join(f"{name} {percent(rate)}" for name, rate in rates.items() if rate)
        out.print(f"published error: {listed}, {errors.where}")
    out.print(f"input: {' x '.join(map(str, table.input))}\n")


def _print_notes(model: str, table: "Description") -> None:
    from canon.analysis.description import sides
    from canon.models import model_info

    out = console()
    for row in table.rows:
        if row.exact is not None:
            out.print(f"\n{row.name}: {_rounding(row)}", end="")
    size, jump, _ = table.seen(table.field)
    field = "the whole image" if table.field.whole else f"{sides(size)} px, jump {sides(jump)} px"
    out.print(f"\nreceptive field of the last feature map: {field}")
    paper_image = model_info(model).published.image
    if table.input[-1] != paper_image:
        out.print(f"the paper's input is {paper_image} x {paper_image}")


def _rounding(row: "LayerRow") -> str:
    """What happens to an output size that is not an integer."""
    last = "row and column" if row.unseen == 1 else f"{row.unseen} rows and columns"
    missed = f"no window covers the last {last}"
    covered = "every pixel is covered, and the last window has less padding"
    seen = missed if row.unseen else covered
    return f"{row.exact:.2f} outputs per side, rounded to {row.output[-1]}; {seen}"
