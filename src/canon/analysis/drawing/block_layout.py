"""Where the parts of a block lie: layers in rows from top to bottom, branches side by side."""

from canon.analysis.drawing.block import Block, Part
from canon.analysis.drawing.shapes import (
    LINE,
    MARGIN,
    SMALL,
    Arrow,
    Box,
    Layout,
    Text,
    width_of,
)

GAP, BETWEEN, LANE = 26, 24, 16  # between rows, columns, and the ways around them
ROUND = 24  # side of a sum


def lay_out_block(block: Block, title: str, subtitle: str) -> Layout:
    """Place the parts of a block.

    Args:
        block: what is drawn.
        title: above it.
        subtitle: below the title.
    """
    rows, columns = _rows(block.parts), _columns(block.parts)
    wide = max(_size(part)[0] for part in block.parts)
    tops = _tops(block.parts, rows)
    left = MARGIN + max(
        0.0, *(_notes_width(part) + 6 + ROUND / 2 - wide / 2 for part in block.parts)
    )
    places = [
        _place(i, part, block.parts, columns, tops[rows[i]], left, wide)
        for i, part in enumerate(block.parts)
    ]
    texts = [Text(MARGIN, 26, title, 16, "strong", "start"),
             Text(MARGIN, 44, subtitle, 11, "soft", "start")]  # fmt: skip
    for part, box in zip(block.parts, places, strict=True):
        texts += _inside(part, box)
    right = max(box.x + box.width for box in places)
    arrows, lanes = _arrows(block.parts, places, columns, rows, right)
    width = max(right + LANE * (lanes + 1) + MARGIN, *(text.box[2] + MARGIN for text in texts[:2]))
    height = max(box.y + box.height for box in places) + 24
    return Layout(width, height, tuple(places), tuple(texts), tuple(arrows), (), scaled=False)


def _rows(parts: tuple[Part, ...]) -> list[int]:
    """The row of each part: one below the lowest of those that it takes."""
    rows: list[int] = []
    for part in parts:
        rows.append(1 + max((rows[i] for i in part.takes), default=-1))
    return rows


def _columns(parts: tuple[Part, ...]) -> list[int]:
    """The column of each part: the first branch continues below, others open a column."""
    columns, used, continued = [0] * len(parts), 1, set()
    for i, part in enumerate(parts[1:], 1):
        source = part.takes[0]
        if part.join or source not in continued:
            columns[i] = columns[source]
            continued.add(source)
        else:
            columns[i], used = used, used + 1
    return columns


def _size(part: Part) -> tuple[float, float]:
    if part.join in ("+", "×"):
        return ROUND, ROUND
    width = max(width_of(line, SMALL) for line in _lines(part)) + 14
    return max(84.0, width), 10 + LINE * len(_lines(part))


def _lines(part: Part) -> tuple[str, ...]:
    """What is written, the notes on normalisation and activation in one line."""
    first, rest = part.lines[:2], part.lines[2:]
    return (*first, ", ".join(rest)) if rest else first


def _notes_width(part: Part) -> float:
    """Of what is written to the left of a sum."""
    return width_of(", ".join(part.lines[1:]), SMALL) if part.join in ("+", "×") else 0.0


def _tops(parts: tuple[Part, ...], rows: list[int]) -> list[float]:
    """The upper edge of each row."""
    tops, y = [], 64.0
    for row in range(max(rows) + 1):
        tops.append(y)
        y += GAP + max(_size(part)[1] for part, own in zip(parts, rows, strict=True) if own == row)
    return tops


def _place(
    i: int,
    part: Part,
    parts: tuple[Part, ...],
    columns: list[int],
    top: float,
    start: float,
    wide: float,
) -> Box:
    width, height = _size(part)
    step = wide + BETWEEN
    last = max(columns)
    if part.join == "concatenation" or (i == 0 and last):
        own = [columns[j] for j in (part.takes if part.join else _taking(0, parts))]
        left, right = start + step * min(own), start + step * max(own) + wide
        return Box(left, top, right - left, height, "other" if part.join else "input")
    middle = start + step * columns[i] + wide / 2
    kind = "sum" if part.join else part.kind
    width = width if part.join else wide
    return Box(middle - width / 2, top, width, height, kind, ROUND / 2 if part.join else 3.0)


def _taking(i: int, parts: tuple[Part, ...]) -> list[int]:
    return [j for j, part in enumerate(parts) if i in part.takes and not part.join] or [i]


def _inside(part: Part, box: Box) -> list[Text]:
    """The lines of a part, in its box; the notes of a sum to its left."""
    x, lines = box.x + box.width / 2, _lines(part)
    if part.join in ("+", "×"):
        sign = Text(x, box.y + box.height / 2 + 5, part.join, 14, "strong")
        notes = ", ".join(part.lines[1:])
        return [sign, Text(box.x - 6, box.y + box.height / 2 + 4, notes, SMALL, "soft", "end")]
    return [
        Text(x, box.y + LINE * (n + 1) + 1, line, SMALL, "label") for n, line in enumerate(lines)
    ]


def _arrows(
    parts: tuple[Part, ...], places: list[Box], columns: list[int], rows: list[int], right: float
) -> tuple[list[Arrow], int]:
    """The ways between parts; those past other parts of their column run on the right."""
    arrows, lanes = [], 0
    for i, part in enumerate(parts):
        for source in part.takes:
            a, b = places[source], places[i]
            blocked = any(
                columns[j] == columns[i] and rows[source] < rows[j] < rows[i]
                for j in range(len(parts))
            )
            straight = part.join != "concatenation" and columns[source] == columns[i]
            if blocked and (straight or source == 0):
                lanes += 1
                arrows.append(_around(a, b, right + LANE * lanes))
            else:
                arrows.append(_down(a, b, wide_source=source == 0))
    return arrows, lanes


def _around(a: Box, b: Box, lane: float) -> Arrow:
    """From below one box, along the right, into the side of another."""
    x, y = a.x + a.width - 12, b.y + b.height / 2
    low = a.y + a.height
    return Arrow(((x, low), (x, low + GAP / 3), (lane, low + GAP / 3), (lane, y),
                  (b.x + b.width + 6, y)), "left")  # fmt: skip


def _down(a: Box, b: Box, *, wide_source: bool) -> Arrow:
    """Straight down, or into the side of a sum that lies in another column."""
    start, end = a.x + a.width / 2, b.x + b.width / 2
    if wide_source and a.width > b.width:
        start = end
    elif b.width > a.width:
        end = start
    low = a.y + a.height
    if abs(start - end) < 1:
        return Arrow(((start, low), (start, b.y - 3)))
    if b.kind == "sum":
        y = b.y + b.height / 2
        side = b.x + b.width + 6 if start > end else b.x - 6
        return Arrow(((start, low), (start, y), (side, y)), "left" if start > end else "right")
    half = low + (b.y - low) / 2
    return Arrow(((start, low), (start, half), (end, half), (end, b.y - 3)))
