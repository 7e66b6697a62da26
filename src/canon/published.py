"""What is published of a network: its paper, size and errors, and ensembles."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """Where a network was published."""

    authors: str
    title: str
    venue: str
    year: int
    identifier: str


@dataclass(frozen=True)
class Printed:
    """A number as the paper prints it, which is rarely exact.

    Args:
        value: the printed number, in single units (60e6, not 60).
        within: how far the exact number may lie from it, in the same units.
        where: the table or section that prints it.
    """

    value: float
    within: float
    where: str


@dataclass(frozen=True)
class Errors:
    """Published error rates, fractions in [0, 1]; None where the paper gives none."""

    top1: float | None
    top5: float | None
    where: str


@dataclass(frozen=True)
class Published:
    """What is known of a network before it is trained.

    Args:
        params: trainable numbers, exactly as they follow from the paper's tables.
        macs: multiply-accumulates of convolutions and linear layers for one image, likewise.
        image: side of the square input, pixels.
        height: of the input, pixels, where it is not square; `image` is its width then.
        channels: of the input.
        classes: of the output.
        printed_params: the parameters as the paper rounds them.
        printed_macs: the multiply-accumulates as the paper rounds them (papers say FLOPs).
        aux_params: trainable numbers of auxiliary heads, which only training uses.
        errors: the published error rates that `canon list` shows.
    """

    params: int
    macs: int
    image: int = 224
    channels: int = 3
    classes: int = 1000
    printed_params: Printed | None = None
    printed_macs: Printed | None = None
    aux_params: int = 0
    height: int | None = None
    errors: Errors | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        return self.height or self.image, self.image


@dataclass(frozen=True)
class PublishedEnsemble:
    """Several networks whose probabilities were averaged for one published result.

    Args:
        name: of the set.
        paper: where it was published.
        members: the registered names of its networks.
        errors: of all of them together.
    """

    name: str
    paper: Paper
    members: tuple[str, ...]
    errors: Errors
