"""What a drawing is made of: texts, boxes and arrows, in units of SVG."""

from dataclasses import dataclass
from typing import Literal

FONT, SMALL, LINE = 12, 10, 13  # sizes of text, and the distance between lines
LETTER = 0.62  # width of a letter over its size, at most on average
MARGIN = 20  # around the whole
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
    radius: float = 1.5  # of its corners


@dataclass(frozen=True)
class Arrow:
    """A connection, by the corners of its way, and where its head points.

    Args:
        points: from the source to the target.
        head: direction.
        style: `skip` for values, `index` for the places of maxima.
    """

    points: tuple[tuple[float, float], ...]
    head: Literal["down", "left", "right"] = "down"
    style: Literal["skip", "index"] = "skip"


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
        scaled: whether heights and widths mean resolution and channels.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    texts: tuple[Text, ...]
    arrows: tuple[Arrow, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    scaled: bool = True


def width_of(text: str, size: int) -> float:
    """The width of a text, at least that of the usual sans-serif fonts."""
    return LETTER * size * len(text)
