"""Where everything of a drawing lies: boxes, captions and arrows, in units of SVG.

The grammar is that of Net2Vis (Baeuerle et al., IEEE TVCG 2021): the height of a box is the
resolution of its output, its width the number of channels, both logarithmic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Literal

from canon.analysis.drawing.graph import Graph, Node

FONT, SMALL, LINE = 12, 10, 13  # sizes of text, and the distance between lines
LETTER = 0.62  # width of a letter over its size, at most on average
GAP, MARGIN = 14, 20
MOST_IN_ROW = 12  # nodes, where no arrow runs between rows
STEP = 46  # of a level in a U
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Text:
    """A line of text.

    Args:
        x: of its anchor.
        y: of its baseline.
        text: what it says.
        size: of the letters.
        style: a class of the style sheet.
        anchor: which part of it is at x.
    """

    x: float
    y: float
    text: str
    size: int = SMALL
    style: str = "soft"
    anchor: Anchor = "middle"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, with the width of wide letters."""
        width = width_of(self.text, self.size)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return left, self.y - 0.8 * self.size, left + width, self.y + 0.25 * self.size


@dataclass(frozen=True)
class Box:
    """The output of a stage."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True)
class Arrow:
    """A skip connection: a way over the boxes, by its corners."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """A drawing.

    Args:
        width: of the whole.
        height: of the whole.
        boxes: of the stages.
        texts: all captions.
        arrows: skip connections.
        lines: between neighbours, x1, y1, x2, y2.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    texts: tuple[Text, ...]
    arrows: tuple[Arrow, ...]
    lines: tuple[tuple[float, float, float, float], ...]


def width_of(text: str, size: int) -> float:
    """The width of a text, at least that of the usual sans-serif fonts."""
    return LETTER * size * len(text)


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
    top, width = 66.0 + 11 * (max(lanes.values(), default=-1) + 1), 0.0
    for row in _rows(graph):
        placed, captions = _row([graph.nodes[i] for i in row], [levels[i] for i in row], top)
        boxes += placed
        texts += captions
        width = max(width, *(text.box[2] + MARGIN for text in captions))
        top = max(text.y for text in captions) + LINE + 16
    lines = [
        (a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2)
        for a, b, node in zip(boxes, boxes[1:], graph.nodes[1:], strict=False)
        if node.linked and b.x > a.x
    ]
    arrows = [_arrow(boxes[a], boxes[b], lane) for (a, b), lane in lanes.items()]
    arrows += [_loop(box) for box, node in zip(boxes, graph.nodes, strict=True) if node.residual]
    width = max(width, *(text.box[2] + MARGIN for text in texts[:2]))
    return Layout(width, top + 8, tuple(boxes), tuple(texts), tuple(arrows), tuple(lines))


def _row(nodes: Sequence[Node], levels: Sequence[int], top: float) -> tuple[list[Box], list[Text]]:
    """The boxes of a row, from left to right, with their captions under them."""
    tallest = max(_size(node)[1] for node in nodes)
    x, boxes, texts = float(MARGIN), [], []
    for node, level in zip(nodes, levels, strict=True):
        width, height = _size(node)
        cell = max(width, *(width_of(text, size) for text, size, _ in _captions(node)))
        middle = top + tallest / 2 + STEP * level
        boxes.append(Box(x + (cell - width) / 2, middle - height / 2, width, height, node.kind))
        y = middle + (height if any(levels) else tallest) / 2 + LINE + 2
        for i, (text, size, style) in enumerate(_captions(node)):
            texts.append(Text(x + cell / 2, y + LINE * i, text, size, style))
        x += cell + GAP
    return boxes, texts


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
    """The positions of the nodes in each row: one row, or rows of equal length without arrows."""
    count = len(graph.nodes)
    if graph.skips or count <= MOST_IN_ROW:
        return [list(range(count))]
    several = -(-count // MOST_IN_ROW)
    length = -(-count // several)
    return [list(range(count))[start : start + length] for start in range(0, count, length)]


def _levels(graph: Graph) -> list[int]:
    """How deep each node lies: 0, or in a U the number of times that its maps were halved."""
    sides = [node.shape[1] if len(node.shape) == 3 else 1 for node in graph.nodes]
    deep = len(graph.skips) >= 3 and len(sides) <= 14 and sides[-1] > 4 * min(sides)
    if not deep:
        return [0] * len(sides)
    return [max(0, round(log2(max(sides) / side))) for side in sides]


def _lanes(graph: Graph) -> dict[tuple[int, int], int]:
    """A height above the boxes for each skip connection: the longest is the highest."""
    ordered = sorted(graph.skips, key=lambda skip: skip[1] - skip[0])
    return {skip: lane for lane, skip in enumerate(ordered)}


def _arrow(source: Box, target: Box, lane: int) -> Arrow:
    """From the top of a box, over those between, to the top of another."""
    high = min(source.y, target.y) - 8 - 11 * lane
    start, end = source.x + 0.75 * source.width, target.x + 0.3 * target.width
    return Arrow(((start, source.y), (start, high), (end, high), (end, target.y - 3)))


def _loop(box: Box) -> Arrow:
    """The shortcuts of residual blocks: over the box itself."""
    start, end = box.x + 0.2 * box.width, box.x + 0.6 * box.width
    return Arrow(((start, box.y), (start, box.y - 9), (end, box.y - 9), (end, box.y - 3)))
