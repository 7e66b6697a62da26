"""A layout as SVG text, for light and dark pages."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from canon.analysis.drawing.block import block_of
from canon.analysis.drawing.block_layout import lay_out_block
from canon.analysis.drawing.captions import Number
from canon.analysis.drawing.graph import Graph, graph_of, with_numbers
from canon.analysis.drawing.layout import lay_out
from canon.analysis.drawing.shapes import Arrow, Layout, Text
from canon.models import model_info
from canon.utils.tables import short_count

LEGEND = {"convolution": "convolution", "pooling": "pooling", "linear": "fully connected",
          "enlarging": "upsampling", "other": "other"}  # fmt: skip

STYLE = """
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
  .ink { fill: #344054; } .strong { fill: #101828; font-weight: 600; } .soft { fill: #667085; }
  .convolution { fill: #7ea4f5; } .pooling { fill: #f2b27a; } .linear { fill: #9cc9a3; }
  .enlarging { fill: #c7a4ee; } .other { fill: #c3c9d4; }
  rect { stroke: #344054; stroke-width: 0.8; }
  .line { stroke: #98a2b3; stroke-width: 1.2; }
  .skip { fill: none; stroke: #667085; stroke-width: 1.2; }
  .head { fill: #667085; } .index { fill: none; stroke: #b54708; stroke-width: 1.2; }
  .index-head { fill: #b54708; } path.index { stroke-dasharray: 4 3; }
  .input, .sum { fill: #ffffff; } .label { fill: #101828; }"""
DARK = """
  @media (prefers-color-scheme: dark) {
    .ink { fill: #d0d5dd; } .strong { fill: #f2f4f7; } .soft { fill: #98a2b3; }
    .convolution { fill: #3f6fd8; } .pooling { fill: #b8712e; } .linear { fill: #4f8f5a; }
    .enlarging { fill: #7f56c4; } .other { fill: #565f70; }
    rect { stroke: #d0d5dd; } .index { stroke: #f7b27a; } .index-head { fill: #f7b27a; }
    .input, .sum { fill: #101828; } .label { fill: #ffffff; }
  }"""


def draw(
    *models: str,
    image: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    numbers: Sequence[Number] = (),
    **more: Any,
) -> str:
    """Registered networks, one below the other, as the text of an SVG.

    Under a network of several modules with branches, such as GoogLeNet, is the first of them.

    Args:
        models: registered names.
        image: side of the input in pixels; None means each paper's.
        channels: of the input; None means each paper's.
        classes: of the output; None means each paper's.
        numbers: what is written under each stage besides its shape: `field`, `parameters`,
            `multiplications`.
        more: further options of the networks.

    Raises:
        InputError: an unknown name, or a size that a network does not take.
    """
    sides: dict[str, Any] = {"channels": channels, "classes": classes}
    layouts = []
    for model in models:
        graph = graph_of(model, image, **sides, **more)
        layouts.append(layout_of(with_numbers(graph, numbers), model))
        modules = [node.name for node in graph.nodes if node.branches > 2]
        if len(modules) > 2:
            several = f", one of {len(modules)} modules"
            layouts.append(_block(model, modules[0], image, note=several, **sides, **more))
    return text_of(layouts, " and ".join(models))


def laid_out(model: str, image: int | None = None, **more: Any) -> Layout:
    """The layout of a registered network; arguments and errors are those of `draw`."""
    return layout_of(graph_of(model, image, **more), model)


def draw_block(model: str, stage: str, image: int | None = None, **more: Any) -> str:
    """A block of a registered network by itself, as the text of an SVG.

    Args:
        model: a registered name.
        stage: by name; of several equal blocks, the last is drawn.
        image: side of the input in pixels; None means the paper's.
        more: channels, classes and further options of the network.

    Raises:
        InputError: no such network or stage, or a block whose branches cannot be followed.
    """
    return text_of([_block(model, stage, image, **more)], f"{stage} of {model}")


def _block(
    model: str, stage: str, image: int | None = None, *, note: str = "", **more: Any
) -> Layout:
    block = block_of(model, stage, image, **more)
    several = f", one of {block.count} blocks" if block.count > 1 else note
    return lay_out_block(block, f"{stage}{several}", _who(model))


def _who(model: str) -> str:
    """Authors, venue and year of a network."""
    paper = model_info(model).paper
    authors = paper.authors.split(", ")
    who = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    return f"{model}: {who}, {paper.venue} {paper.year}"


def layout_of(graph: Graph, model: str) -> Layout:
    """The layout of the graph of a registered network."""
    table = graph.description
    subtitle = (
        f"{_who(model).partition(': ')[2]}; input {' × '.join(map(str, graph.input))}; "
        f"{short_count(table.params, words=True)} parameters, "
        f"{short_count(table.macs, words=True)} multiplications"
    )
    return lay_out(graph, model, subtitle)


def text_of(layouts: Sequence[Layout], title: str, style: str = STYLE + DARK) -> str:
    """The SVG of several layouts, one below the other, with a legend.

    Args:
        layouts: of networks.
        title: for screen readers.
        style: its CSS; `STYLE` alone is for pages that are always light.
    """
    kinds = kinds_of(layouts)
    height = sum(layout.height for layout in layouts)
    words = legend(layouts)
    width = max(*(layout.width for layout in layouts), words[-1].box[2] + 10)
    parts, top = [], 0.0
    for layout in layouts:
        parts += [f'<g transform="translate(0 {top:.1f})">', *_parts(layout), "</g>"]
        top += layout.height
    if _has_indices(layouts):
        x = 20 + 150 * len(kinds)
        parts.append(f'<path class="index" d="M {x} {height + 10:.1f} h 30"/>')
    for i, kind in enumerate(kinds):
        parts.append(f'<rect class="{kind}" x="{20 + 150 * i}" y="{height + 4:.1f}" width="12" '
                     'height="12"/>')  # fmt: skip
    body = "\n".join([*parts, *map(_text, words)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height + 26:.0f}" '
        f'viewBox="0 0 {width:.0f} {height + 26:.0f}" style="max-width: 100%; height: auto" '
        f'role="img" aria-label="{escape(title)}">\n<style>{style}\n</style>\n{body}\n</svg>\n'
    )


def _parts(layout: Layout) -> Iterator[str]:
    for a, b, c, d in layout.lines:
        yield f'<line class="line" x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}"/>'
    for arrow in layout.arrows:
        way = " L ".join(f"{x:.1f} {y:.1f}" for x, y in arrow.points)
        yield f'<path class="{arrow.style}" d="M {way}"/>'
        head = "head" if arrow.style == "skip" else "index-head"
        yield f'<path class="{head}" d="{_head(arrow)}"/>'
    for box in layout.boxes:
        yield (
            f'<rect class="{box.kind}" x="{box.x:.1f}" y="{box.y:.1f}" '
            f'width="{box.width:.1f}" height="{box.height:.1f}" rx="{box.radius:g}"/>'
        )
    yield from map(_text, layout.texts)


def _head(arrow: Arrow) -> str:
    """The triangle at the end of an arrow."""
    x, y = arrow.points[-1]
    if arrow.head == "down":
        return f"M {x - 3.5:.1f} {y - 4:.1f} h 7 l -3.5 6 z"
    way = 6 if arrow.head == "right" else -6
    return f"M {x - way * 2 / 3:.1f} {y - 3.5:.1f} v 7 l {way} -3.5 z"


def kinds_of(layouts: Sequence[Layout]) -> list[str]:
    """The kinds of stages that are drawn, in the order of the legend."""
    return [k for k in LEGEND if any(box.kind == k for layout in layouts for box in layout.boxes)]


def legend(layouts: Sequence[Layout]) -> list[Text]:
    """The words of the legend, at the bottom."""
    kinds = kinds_of(layouts)
    y = sum(layout.height for layout in layouts) + 14
    words = [Text(38 + 150 * i, y, LEGEND[k], 10, "ink", "start") for i, k in enumerate(kinds)]
    if _has_indices(layouts):
        words.append(Text(56 + 150 * len(kinds), y, "places of maxima", 10, "ink", "start"))
    grammar = "height: resolution, width: channels, both logarithmic"
    if not any(layout.scaled for layout in layouts):
        return words
    return [*words, Text(30 + 150 * len(words), y, grammar, 10, "soft", "start")]


def _has_indices(layouts: Sequence[Layout]) -> bool:
    return any(arrow.style == "index" for layout in layouts for arrow in layout.arrows)


def _text(one: Text) -> str:
    return (
        f'<text class="{one.style}" x="{one.x:.1f}" y="{one.y:.1f}" font-size="{one.size}" '
        f'text-anchor="{one.anchor}">{escape(one.text)}</text>'
    )
