"""Published facts of a network: paper, size and errors; published ensembles."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """The paper that introduced a network."""

    authors: str
    title: str
    venue: str
    year: int
    identifier: str


@dataclass(frozen=True)
class Printed:
    """A number as the paper prints it, usually rounded.

    Args:
        value: the printed number, in units (60e6, not 60).
        within: largest difference of the exact number from it, in the same units.
        where: the table or section that prints it.
        norms: whether it counts the scales and shifts of normalisation.
    """

    value: float
    within: float
    where: str
    norms: bool = True


@dataclass(frozen=True)
class Errors:
    """Published error rates, fractions in [0, 1]; None if the paper has none.

    Args:
        top1: top-1 error.
        top5: top-5 error.
        where: benchmark, split and protocol, such as "ILSVRC-2012 val, 10 crops".
    """

    top1: float | None
    top5: float | None
    where: str

    @property
    def benchmark(self) -> str:
        """The first word of `where` without its year, such as "ILSVRC" or "CIFAR-10".

        The editions of ILSVRC share their classification images, so their errors are comparable.
        """
        return re.sub(r"-\d{4}$", "", self.where.partition(" ")[0])


@dataclass(frozen=True)
class Published:
    """Published facts of a network.

    Args:
        params: trainable parameters, exactly as they follow from the paper's tables.
        macs: multiply-accumulates of convolutions and linear layers for one image, exactly as they
            follow from the tables.
        image: side of the square input, pixels.
        height: of the input, pixels, if it is not square; `image` is then its width.
        channels: of the input.
        classes: of the output; 0 for networks that have none, such as auto-encoders.
        layers: as the paper counts them, usually those with weights along one path, without
            projections and auxiliary heads; None if it does not.
        printed_params: the parameters as the paper rounds them.
        printed_macs: the multiply-accumulates as the paper rounds them (papers say FLOPs).
        aux_params: trainable parameters of auxiliary heads, which only training uses.
        errors: the published error rates that `canon list` shows.
    """

    params: int
    macs: int
    image: int = 224
    channels: int = 3
    classes: int = 1000
    layers: int | None = None
    printed_params: Printed | None = None
    printed_macs: Printed | None = None
    aux_params: int = 0
    height: int | None = None
    errors: Errors | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        return self.height or self.image, self.image


def number_in(name: str) -> int:
    """The first number in a name, which is that of the layers: 50 in "se-resnet50-r4"."""
    return int(re.findall(r"\d+", name)[0])


@dataclass(frozen=True)
class PublishedEnsemble:
    """Networks whose averaged probabilities gave a published result.

    Args:
        name: of the ensemble.
        paper: that published it.
        members: registered names of its networks.
        errors: of the ensemble.
    """

    name: str
    paper: Paper
    members: tuple[str, ...]
    errors: Errors
