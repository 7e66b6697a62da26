"""Intervals of pixels: the receptive field along one side of a map.

An output of a layer sees an interval of pixels. In a network that only downsamples, the next output
sees the same interval, shifted. After upsampling, neighbouring outputs differ, and the pattern
repeats after a period. The intervals of one period are stored, so the field of every output is
exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

Inputs = Callable[[int], tuple[int, int]]  # from an output to the first and last input it uses


@dataclass(frozen=True)
class FieldIntervals:
    """A receptive field along one side, in pixels.

    Args:
        intervals: of each output of a period: the first pixel that it sees (negative in the
            padding), and one past the last. Empty, with both equal, for an inserted zero.
        shift: from an output's interval to that of the output one period later.
    """

    intervals: tuple[tuple[int, int], ...] = ((0, 1),)
    shift: int = 1

    @classmethod
    def of(cls, low: int, size: int, jump: int) -> "FieldIntervals":
        """Outputs that see `size` pixels each, `jump` apart, the first from pixel `low`."""
        return cls(((low, low + size),), jump)

    @property
    def low(self) -> int:
        """The first pixel that the first output sees; negative in the padding."""
        return self.intervals[0][0]

    @property
    def size(self) -> int:
        """Pixels that an output sees; the largest count in a period."""
        return max(end - start for start, end in self.intervals)

    @property
    def jump(self) -> float:
        """Mean shift from an output's interval to the next one's, in pixels."""
        exact = Fraction(self.shift, len(self.intervals))
        return exact.numerator if exact.denominator == 1 else float(exact)

    @property
    def offset(self) -> float:
        """Centre of the first output's interval."""
        start, end = self.intervals[0]
        return start + (end - start - 1) / 2

    @property
    def reach(self) -> int:
        """Largest distance from the pixel at an output's position to one that it sees."""
        steps = [(i * self.shift // len(self.intervals), *p) for i, p in enumerate(self.intervals)]
        return max(max(at - start, end - 1 - at) for at, start, end in steps if start < end)

    def at(self, output: int) -> tuple[int, int]:
        """The first pixel that an output sees, and one past the last."""
        periods, phase = divmod(output, len(self.intervals))
        start, end = self.intervals[phase]
        return start + periods * self.shift, end + periods * self.shift

    def over(self, first: int, last: int) -> tuple[int, int]:
        """The interval of an output that uses the values `first` to `last` of this map."""
        return hull([self.at(i) for i in range(first, last + 1)])

    def through(self, inputs: Inputs, outputs: int, advance: int) -> "FieldIntervals":
        """The field after one more layer.

        Args:
            inputs: the first and last value that an output of the layer uses.
            outputs: period of the layer, in its outputs.
            advance: period of the layer, in its inputs.
        """
        times = len(self.intervals) // gcd(len(self.intervals), advance)
        shift = self.shift * advance * times // len(self.intervals)
        return FieldIntervals(
            tuple(self.over(*inputs(o)) for o in range(outputs * times)), shift
        ).reduced()

    def reduced(self) -> "FieldIntervals":
        """The same field with the shortest period."""
        count = len(self.intervals)
        for period in range(1, count):
            if count % period == 0 and self.shift * period % count == 0:
                same = FieldIntervals(self.intervals[:period], self.shift * period // count)
                if all(same.at(i) == interval for i, interval in enumerate(self.intervals)):
                    return same
        return self

    def union(self, other: "FieldIntervals") -> "FieldIntervals":
        """The smallest field that contains both."""
        period = lcm(len(self.intervals), len(other.intervals))
        shift = max(field.shift * period // len(field.intervals) for field in (self, other))
        pairs = ([self.at(i), other.at(i)] for i in range(period))
        return FieldIntervals(tuple(map(hull, pairs)), shift).reduced()


def hull(intervals: list[tuple[int, int]]) -> tuple[int, int]:
    """The smallest interval that contains all non-empty ones."""
    nonempty = [(start, end) for start, end in intervals if start < end]
    if not nonempty:
        return 0, 0
    return min(start for start, _ in nonempty), max(end for _, end in nonempty)


@dataclass(frozen=True)
class ReceptiveField:
    """A receptive field in both dimensions.

    Args:
        height: vertical.
        width: horizontal.
        whole: every output sees the whole image, as after global pooling.
    """

    height: FieldIntervals
    width: FieldIntervals
    whole: bool = False

    def union(self, other: "ReceptiveField") -> "ReceptiveField":
        """The smallest field that contains both."""
        spans = self.height.union(other.height), self.width.union(other.width)
        return ReceptiveField(*spans, self.whole or other.whole)


WHOLE_IMAGE = ReceptiveField(FieldIntervals(), FieldIntervals(), whole=True)
