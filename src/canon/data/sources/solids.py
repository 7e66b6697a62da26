"""Simple solids and chairs made of boxes, as lists of convex bodies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Body:
    """A convex body.

    Args:
        points: (V, 3) corners; z is up.
        faces: corners of each face, counterclockwise from outside.
    """

    points: Points
    faces: tuple[tuple[int, ...], ...]


def box(x: float, y: float, z: float, dx: float, dy: float, dz: float) -> Body:
    """A box around (x, y), from height z up."""
    corners = [
        (x + sx * dx / 2, y + sy * dy / 2, z + h)
        for h in (0.0, dz)
        for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    sides = ((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))
    return Body(np.array(corners), ((3, 2, 1, 0), (4, 5, 6, 7), *sides))


def prism(corners: int, radius: float, height: float, taper: float = 1.0) -> Body:
    """A regular prism; tapered to a point it is a pyramid.

    Args:
        corners: of its base.
        radius: of its base.
        height: of the prism.
        taper: radius of the top over that of the base.
    """
    turns = 2 * np.pi * np.arange(corners) / corners
    ring = np.stack([np.cos(turns), np.sin(turns)], 1) * radius
    low = np.column_stack([ring, np.zeros(corners)])
    high = np.column_stack([ring * taper, np.full(corners, height)])
    sides = tuple((i, (i + 1) % corners, corners + (i + 1) % corners, corners + i)
                  for i in range(corners))  # fmt: skip
    base, top = tuple(range(corners))[::-1], tuple(range(corners, 2 * corners))
    return Body(np.concatenate([low, high]), (base, top, *sides))


SOLIDS: dict[str, list[Body]] = {
    "cube": [box(0, 0, 0, 1.0, 1.0, 1.0)],
    "slab": [box(0, 0, 0, 1.3, 0.9, 0.35)],
    "wedge": [prism(3, 0.75, 1.0)],
    "hexagon": [prism(6, 0.65, 0.9)],
    "cylinder": [prism(20, 0.55, 1.1)],
    "pyramid": [prism(4, 0.85, 1.1, 0.01)],
    "cone": [prism(20, 0.7, 1.2, 0.01)],
    "stairs": [box(-0.4, 0, 0, 0.4, 0.8, 0.4), box(0, 0, 0, 0.4, 0.8, 0.8),
               box(0.4, 0, 0, 0.4, 0.8, 1.2)],
}  # fmt: skip


def chair(number: int) -> list[Body]:
    """The chair of a number: its measures and its parts follow from it."""
    draw = np.random.default_rng(1000 + number)
    width, depth = draw.uniform(0.7, 1.05, 2)
    height, thick = draw.uniform(0.45, 0.75), draw.uniform(0.06, 0.16)
    back, leg = draw.uniform(0.5, 0.95), draw.uniform(0.06, 0.14)
    bodies = [box(0, 0, height, width, depth, thick)]
    top = height + thick
    if draw.random() < 0.5:  # a closed back, or one of bars
        bodies.append(box(0, depth / 2 - 0.05, top, width, 0.1, back))
    else:
        count = int(draw.integers(2, 5))
        for x in np.linspace(-width / 2 + 0.06, width / 2 - 0.06, count):
            bodies.append(box(x, depth / 2 - 0.05, top, 0.09, 0.09, back))
        bodies.append(box(0, depth / 2 - 0.05, top + back, width, 0.1, 0.12))
    if draw.random() < 0.25:  # one foot, or four legs
        bodies += [box(0, 0, 0.08, 0.14, 0.14, height - 0.08), box(0, 0, 0, 0.7, 0.7, 0.08)]
    else:
        places = [(sx * (width - leg) / 2, sy * (depth - leg) / 2)
                  for sx in (-1, 1) for sy in (-1, 1)]  # fmt: skip
        bodies += [box(x, y, 0, leg, leg, height) for x, y in places]
    if draw.random() < 0.4:  # arms
        for side in (-1, 1):
            x = side * (width / 2 - 0.05)
            bodies.append(box(x, 0, top + 0.25, 0.1, depth * 0.9, 0.08))
            bodies.append(box(x, -depth * 0.35, top, 0.08, 0.08, 0.25))
    return bodies


def objects(chairs: int = 12) -> dict[str, list[Body]]:
    """Chairs and solids by name."""
    return {f"chair{i}": chair(i) for i in range(1, chairs + 1)} | SOLIDS
