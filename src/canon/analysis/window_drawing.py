"""A drawing of windows along one side: pixels, padding, and what each output uses."""

from collections.abc import Iterator

from canon.analysis.convolution import Window

CELL, ROW, LEFT, TOP = 18, 15, 70, 46  # pixels of the drawing
MOST_CELLS, MOST_ROWS = 48, 40

STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #1c2330; }
  .pixel { fill: #dbe6fb; stroke: #2457c5; }
  .padding { fill: none; stroke: #98a2b3; stroke-dasharray: 3 2; }
  .unseen { fill: #f6d2c9; stroke: #c43d1f; }
  .window { fill: #2457c5; fill-opacity: 0.75; }
  .empty { fill: #98a2b3; fill-opacity: 0.4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6eaf2; }
    .pixel { fill: #22345c; stroke: #7ea4f5; }
    .unseen { fill: #5a2a20; stroke: #f08a70; }
    .window { fill: #7ea4f5; }
  }"""


def drawing(window: Window) -> str:
    """An SVG of the windows along the width of the input: one row for each output.

    Inputs are at the top, in the padding dashed, never seen red. Of a transposed convolution the
    pixels at the top are the outputs, and each row is what one input adds to.
    """
    length, count = window.size[1], window.output[1]
    if window.enlarges:
        length, count = count, length
    first, last = -window.border, length + window.border
    cells = range(first, min(last, first + MOST_CELLS))
    begun = (cells.stop - 1 - first) // window.stride + 1  # windows that begin in a drawn pixel
    rows = min(count, MOST_ROWS, begun)
    width = max(LEFT + CELL * len(cells) + 40, 7 * len(_title(window)) + 20)
    height = TOP + CELL + 10 + ROW * rows + 30
    more = [
        f"{rest} more {noun}"
        for rest, noun in ((last - first - len(cells), "pixels"), (count - rows, "windows"))
        if rest
    ]
    note = [_text(LEFT, height - 10, f"not drawn: {' and '.join(more)}")] if more else []
    body = "\n".join([
        _text(8, 20, _title(window)), *_pixels(window, cells, length),
        *_rows(window, cells, rows, length), *note,
    ])  # fmt: skip
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{_title(window)}">\n'
        f"<style>{STYLE}\n</style>\n{body}\n</svg>\n"
    )


def _pixels(window: Window, cells: range, length: int) -> Iterator[str]:
    """The pixels at the top."""
    lost = window.unseen()[1]
    yield _text(8, TOP + 13, "outputs" if window.enlarges else "inputs")
    for x in cells:
        kind = "padding" if not 0 <= x < length else "unseen" if x >= length - lost else "pixel"
        yield _box(LEFT + CELL * (x - cells.start), TOP, CELL, CELL, kind)


def _rows(window: Window, cells: range, rows: int, length: int) -> Iterator[str]:
    """What each output uses, or each input adds to."""
    name = "input" if window.enlarges else "output"
    for row in range(rows):
        y = TOP + CELL + 10 + ROW * row
        yield _text(8, y + 9, f"{name} {row}")
        taps = (row * window.stride - window.border + tap * window.dilation
                for tap in range(window.kernel))  # fmt: skip
        for x in taps:
            if x in cells:
                kind = "window" if 0 <= x < length else "empty"
                yield _box(LEFT + CELL * (x - cells.start), y, CELL - 1, ROW - 5, kind)


def _title(window: Window) -> str:
    side = window.size[1]
    kind = "transposed convolution" if window.kind == "transposed" else window.kind
    return f"{kind} of {window.kernel}, stride {window.stride}: {window.formula(side)}"


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x}" y="{y}">{text}</text>'
