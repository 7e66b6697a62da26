"""How an image is tiled for a network: legal input sizes and receptive field."""

from bisect import bisect_left
from collections.abc import Callable
from functools import cache, partial
from itertools import count
from typing import Any, cast

import torch

from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.inference.tiles import Tiling
from canon.models import build

LARGEST = 1024  # pixels a side of an input, if nothing else is asked for


def plan_tiles(
    model: str, numbers: dict[str, Any], inner: int | None = None, largest: int = LARGEST
) -> Tiling:
    """The tiling that gives what the network says of the whole image.

    Tiles begin at multiples of the network's strides, so that its poolings fall as they do in the
    whole image. A network of valid convolutions takes as much context as it consumes, mirrored at
    the borders of the image; a padded one as much as an output can see, as far as the image goes.

    Args:
        model: a registered name.
        numbers: what it is created with.
        inner: side of what is kept of a tile, in pixels; None means what `largest` leaves.
        largest: side of the input in pixels, at most, if that leaves anything.

    Raises:
        InputError: an inner side below one.
    """
    if inner is not None and inner < 1:
        raise InputError(f"--tile is {inner}; expected 1 or more. Pass --tile 512.")
    step, margin, inside, multiple, least = _facts(model, tuple(sorted(numbers.items())))
    room = inner or max(largest - 2 * margin, margin, step)
    return Tiling(-(-room // step) * step, margin, inside, step, multiple, least)


@cache
def _facts(model: str, numbers: tuple[tuple[str, Any], ...]) -> tuple[int, int, bool, int, int]:
    """The numbers of a tiling but for the first: step, margin, inside, multiple, least."""
    image = dict(numbers)["image"]
    with torch.device("meta"):
        net = build(model, **dict(numbers))
    step, sides = cast(int, net.step), cast(Callable[[int], int], net.output_side)
    if lost := image - sides(image):
        whole = step * lost  # a multiple of the step, and larger than what is lost
        margin = next(m for m in count(lost // 2) if _legal(sides, whole + 2 * m))
        return step, margin, False, 1, 1
    multiple = 1 if _legal(sides, image + 1) else step
    places = range(multiple, image + 1, multiple)
    least = places[bisect_left(places, True, key=partial(_legal, sides))]
    field = describe(net, image, channels=dict(numbers)["channels"]).field
    if field.whole:  # as with squeeze and excitation: a quarter of a tile has to do
        return step, -(-LARGEST // 4 // step) * step, True, multiple, least
    reach = max(field.height.reach, field.width.reach)
    return step, -(-reach // step) * step, True, multiple, least


def _legal(sides: Callable[[int], int], side: int) -> bool:
    try:
        sides(side)
    except InputError:
        return False
    return True
