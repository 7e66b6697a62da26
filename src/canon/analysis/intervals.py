"""Intervals of pixels: the receptive field along one side of a map.

An output of a layer sees an interval of pixels. Its neighbour's is the same, shifted, in a network
that only shrinks maps; where maps are enlarged, neighbours differ and the pattern repeats after a
period: all outputs of one period are kept, so that a field is exact at every output.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

Inputs = Callable[[int], tuple[int, int]]  # of an output: the first and the last input it uses


@dataclass(frozen=True)
class FieldIntervals:
    """One side of a receptive field, in pixels.

    Args:
        places: of each output of a period, the first pixel that it sees, negative in the padding,
            and the one after the last; the same twice for one that sees none, as a zero.
        shift: from an output's field to that of the output a period further on.
    """

    places: tuple[tuple[int, int], ...] = ((0, 1),)
    shift: int = 1

    @classmethod
    def of(cls, low: int, size: int, jump: int) -> "FieldIntervals":
        """The fields of outputs that all see `size` pixels, `jump` apart, the first from `low`."""
        return cls(((low, low + size),), jump)

    @property
    def low(self) -> int:
        """The first pixel that the first output sees; negative in the padding."""
        return self.places[0][0]

    @property
    def size(self) -> int:
        """How many pixels an output sees; of those of a period, the one that sees most."""
        return max(end - start for start, end in self.places)

    @property
    def jump(self) -> float:
        """From an output's field to its neighbour's, on average."""
        exact = Fraction(self.shift, len(self.places))
        return exact.numerator if exact.denominator == 1 else float(exact)

    @property
    def offset(self) -> float:
        """The middle of the first output's field."""
        start, end = self.places[0]
        return start + (end - start - 1) / 2

    @property
    def reach(self) -> int:
        """The furthest that an output sees from the pixel of its own place, in pixels."""
        steps = [(i * self.shift // len(self.places), *p) for i, p in enumerate(self.places)]
        return max(max(at - start, end - 1 - at) for at, start, end in steps if start < end)

    def at(self, output: int) -> tuple[int, int]:
        """The first pixel that an output sees, and the one after the last."""
        periods, place = divmod(output, len(self.places))
        start, end = self.places[place]
        return start + periods * self.shift, end + periods * self.shift

    def over(self, first: int, last: int) -> tuple[int, int]:
        """What an output sees that uses the values from `first` to `last` of this map."""
        return joined([self.at(i) for i in range(first, last + 1)])

    def through(self, inputs: Inputs, outputs: int, advance: int) -> "FieldIntervals":
        """The fields after one more layer.

        Args:
            inputs: the first and the last value that an output of the layer uses.
            outputs: after so many outputs the layer repeats itself,
            advance: that many values further on.
        """
        times = len(self.places) // gcd(len(self.places), advance)
        shift = self.shift * advance * times // len(self.places)
        return FieldIntervals(
            tuple(self.over(*inputs(o)) for o in range(outputs * times)), shift
        ).shortest()

    def shortest(self) -> "FieldIntervals":
        """The same with the shortest period."""
        count = len(self.places)
        for period in range(1, count):
            if count % period == 0 and self.shift * period % count == 0:
                same = FieldIntervals(self.places[:period], self.shift * period // count)
                if all(same.at(i) == place for i, place in enumerate(self.places)):
                    return same
        return self

    def united(self, other: "FieldIntervals") -> "FieldIntervals":
        """The smallest field that holds both."""
        period = lcm(len(self.places), len(other.places))
        shift = max(one.shift * period // len(one.places) for one in (self, other))
        pairs = ([self.at(i), other.at(i)] for i in range(period))
        return FieldIntervals(tuple(map(joined, pairs)), shift).shortest()

    def seen_by(self, output: int, pixels: int) -> tuple[int, int]:
        """The pixels of the image that one output sees, from the first to before the last."""
        start, end = self.at(output)
        return max(0, start), min(pixels, end)


def joined(fields: list[tuple[int, int]]) -> tuple[int, int]:
    """The smallest interval that holds all of some that are not empty."""
    seen = [(start, end) for start, end in fields if start < end]
    if not seen:
        return 0, 0
    return min(start for start, _ in seen), max(end for _, end in seen)


@dataclass(frozen=True)
class ReceptiveField:
    """A receptive field.

    Args:
        height: from top to bottom.
        width: from left to right.
        whole: every output sees the whole image, as after a global pooling.
    """

    height: FieldIntervals
    width: FieldIntervals
    whole: bool = False

    def united(self, other: "ReceptiveField") -> "ReceptiveField":
        """The smallest field that holds both."""
        spans = self.height.united(other.height), self.width.united(other.width)
        return ReceptiveField(*spans, self.whole or other.whole)


WHOLE_IMAGE = ReceptiveField(FieldIntervals(), FieldIntervals(), whole=True)
