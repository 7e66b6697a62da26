"""Where everything of a drawing lies: boxes, captions and arrows, in units of SVG.

The grammar is that of Net2Vis (Baeuerle et al., IEEE TVCG 2021): the height of a box is the
resolution of its output, its width the number of channels, both logarithmic.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import log2

from canon.analysis.drawing.graph import Graph, Node
from canon.analysis.drawing.shapes import (
    FONT,
    LINE,
    MARGIN,
    SMALL,
    Arrow,
    Box,
    Layout,
    Text,
    width_of,
)

GAP = 14  # between stages
MOST_IN_ROW = 12  # nodes, where no arrow runs between rows
STEP = 46  # of a level in a U


def lay_out(graph: Graph, title: str, subtitle: str) -> Layout:
    """Place the stages in rows, those of a network with long skip connections as a U.

    Args:
        graph: what is drawn.
        title: above all.
        subtitle: below it.
    """
    lanes, levels = _lanes(graph), _levels(graph)
    texts = [Text(MARGIN, 26, title, 16, "strong", "start"),
             Text(MARGIN, 44, subtitle, 11, "soft", "start")]  # fmt: skip
    boxes: list[Box] = []
    ends: list[float] = []  # of the space of each node
    tops: list[float] = []  # of its row
    top, width = 66.0 + 11 * (max(lanes.values(), default=-1) + 1), 0.0
    for row in _rows(graph):
        placed, captions, row_ends = _row(
            [graph.nodes[i] for i in row], [levels[i] for i in row], top
        )
        ends += row_ends
        tops += [top] * len(row)
        boxes += placed
        texts += captions
        width = max(width, *(text.box[2] + MARGIN for text in captions))
        top = max(text.y for text in captions) + LINE + 16
    lines = [
        (a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2)
        for a, b, node in zip(boxes, boxes[1:], graph.nodes[1:], strict=False)
        if node.linked and b.x > a.x
    ]
    arrows = [
        _arrow(boxes[a], boxes[b], lane, index=graph.nodes[b].unpools) if tops[a] == tops[b]
        else _between(boxes[a], boxes[b], ends[a], tops[b])
        for (a, b), lane in lanes.items()
    ]  # fmt: skip
    arrows += [_loop(box) for box, node in zip(boxes, graph.nodes, strict=True) if node.residual]
    width = max(width, *(text.box[2] + MARGIN for text in texts[:2]))
    return Layout(width, top + 8, tuple(boxes), tuple(texts), tuple(arrows), tuple(lines))


def _row(
    nodes: Sequence[Node], levels: Sequence[int], top: float
) -> tuple[list[Box], list[Text], list[float]]:
    """The boxes of a row, from left to right, with their captions, and where each space ends."""
    tallest = max(_size(node)[1] for node in nodes)
    x, boxes, texts, ends = float(MARGIN), [], [], []
    for node, level in zip(nodes, levels, strict=True):
        width, height = _size(node)
        cell = max(width, *(width_of(text, size) for text, size, _ in _captions(node)))
        middle = top + tallest / 2 + STEP * level
        boxes.append(Box(x + (cell - width) / 2, middle - height / 2, width, height, node.kind))
        y = middle + (height if any(levels) else tallest) / 2 + LINE + 2
        for i, (text, size, style) in enumerate(_captions(node)):
            texts.append(Text(x + cell / 2, y + LINE * i, text, size, style))
        ends.append(x + cell + GAP / 2)
        x += cell + GAP
    return boxes, texts, ends


def _captions(node: Node) -> list[tuple[str, int, str]]:
    """The lines under a box: name, shape, contents."""
    shape = " × ".join(map(str, node.shape))
    lines = [(node.name, FONT, "strong"), (shape, SMALL, "ink")]
    lines += [(text, SMALL, "soft") for text in (*node.captions, *node.notes)]
    return lines


def _size(node: Node) -> tuple[float, float]:
    """Width and height of a box."""
    if len(node.shape) == 1:
        return 10.0, 4 + 9 * log2(node.shape[0] + 1)
    channels, height, _ = node.shape
    return 6 + 4.5 * log2(channels + 1), 4 + 16 * log2(height + 1)


def _rows(graph: Graph) -> list[list[int]]:
    """The positions of the nodes in each row: one row, a row for each stream, or equal rows."""
    count = len(graph.nodes)
    begins = [b for _, b in graph.skips if not graph.nodes[b].linked]
    if begins and len(begins) == len(graph.skips):
        edges = [0, *sorted(begins), count]
        return [list(range(a, b)) for a, b in pairwise(edges)]
    if graph.skips or count <= MOST_IN_ROW:
        return [list(range(count))]
    several = -(-count // MOST_IN_ROW)
    length = -(-count // several)
    return [list(range(count))[start : start + length] for start in range(0, count, length)]


def _levels(graph: Graph) -> list[int]:
    """How deep each node lies: 0, or in a U the number of times that its maps were halved."""
    sides = [node.shape[1] if len(node.shape) == 3 else 1 for node in graph.nodes]
    concatenates = not any(graph.nodes[b].unpools for _, b in graph.skips)
    deep = (
        concatenates and len(graph.skips) >= 3 and len(sides) <= 14 and sides[-1] > 4 * min(sides)
    )
    if not deep:
        return [0] * len(sides)
    return [max(0, round(log2(max(sides) / side))) for side in sides]


def _lanes(graph: Graph) -> dict[tuple[int, int], int]:
    """A height above the boxes for each skip connection: the longest is the highest."""
    ordered = sorted(graph.skips, key=lambda skip: skip[1] - skip[0])
    return {skip: lane for lane, skip in enumerate(ordered)}


def _arrow(source: Box, target: Box, lane: int, *, index: bool) -> Arrow:
    """From the top of a box, over those between, to the top of another."""
    high = min(source.y, target.y) - 8 - 11 * lane
    start, end = source.x + 0.75 * source.width, target.x + 0.3 * target.width
    way = ((start, source.y), (start, high), (end, high), (end, target.y - 3))
    return Arrow(way, style="index" if index else "skip")


def _between(source: Box, target: Box, end: float, top: float) -> Arrow:
    """From the side of a box, down between captions, to the top of one in another row."""
    y, x = source.y + source.height * 0.75, target.x + 0.5 * target.width
    return Arrow(((source.x + source.width, y), (end, y), (end, top - 12), (x, top - 12),
                  (x, target.y - 3)))  # fmt: skip


def _loop(box: Box) -> Arrow:
    """The shortcuts of residual blocks: over the box itself."""
    start, end = box.x + 0.2 * box.width, box.x + 0.6 * box.width
    return Arrow(((start, box.y), (start, box.y - 9), (end, box.y - 9), (end, box.y - 3)))
