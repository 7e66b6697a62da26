"""How an image is tiled for a network: legal input sizes and receptive field."""

from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from itertools import count

from torch import nn

from canon.analysis.layer_table import describe
from canon.data.preprocessing import Preprocessing
from canon.errors import InputError
from canon.inference.tiles import Tiling
from canon.layers.interfaces import DenseOutput, original

LARGEST = 1024  # side of an input in pixels, if not given


def plan_tiles(
    net: nn.Module, prep: Preprocessing, inner: int | None = None, largest: int = LARGEST
) -> Tiling:
    """The tiling with which the result is that of the network on the whole image.

    Tiles begin at multiples of the network's strides, so that its poolings fall as they do in the
    whole image. A network of valid convolutions takes as much context as it consumes, reflected at
    the borders of the image; a padded one takes its receptive field, as far as the image goes.

    Args:
        net: a network with a map of scores as output.
        prep: the preprocessing, with the side and the channels of its training crops.
        inner: side of an output tile in pixels; None takes what `largest` leaves.
        largest: side of the input in pixels, at most, if that leaves anything.

    Raises:
        InputError: an inner side below one.
    """
    if inner is not None and inner < 1:
        raise InputError(f"--tile is {inner}; expected 1 or more. Pass --tile 512.")
    step, margin, inside, multiple, least = _geometry(net, prep)
    room = inner or max(largest - 2 * margin, margin, step)
    return Tiling(-(-room // step) * step, margin, inside, step, multiple, least)


def _geometry(net: nn.Module, prep: Preprocessing) -> tuple[int, int, bool, int, int]:
    """The numbers of a tiling after the first: step, margin, inside, multiple, least."""
    image, net = prep.image, original(net)
    dense = dense_output(net)
    step, sides = dense.step, dense.output_side
    if lost := image - sides(image):
        whole = step * lost  # a multiple of the step, and larger than what is lost
        margin = next(m for m in count(lost // 2) if _legal(sides, whole + 2 * m))
        return step, margin, False, 1, 1
    multiple = 1 if _legal(sides, image + 1) else step
    places = range(multiple, image + 1, multiple)
    least = places[bisect_left(places, True, key=partial(_legal, sides))]
    field = describe(net, image, channels=prep.channels).field
    if field.whole:  # as with squeeze and excitation: a quarter of a tile as context
        return step, -(-LARGEST // 4 // step) * step, True, multiple, least
    reach = max(field.height.reach, field.width.reach)
    return step, -(-reach // step) * step, True, multiple, least


def dense_output(net: nn.Module) -> DenseOutput:
    """The network as one with a map of scores as output."""
    assert isinstance(net, DenseOutput)
    return net


def _legal(sides: Callable[[int], int], side: int) -> bool:
    try:
        sides(side)
    except InputError:
        return False
    return True
