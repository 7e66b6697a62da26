"""Every network by name, with the paper it comes from and the numbers that paper prints.

A network is registered where it is defined, one line a variant; nothing else keeps a list.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import nn

from canon.errors import InputError, unknown
from canon.layers.stages import starved

Build = TypeVar("Build", bound=Callable[..., nn.Module])


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
        channels: of the input.
        classes: of the output.
        printed_params: the parameters as the paper rounds them.
        printed_macs: the multiply-accumulates as the paper rounds them (papers say FLOPs).
        errors: the published error rates that `canon list` shows.
    """

    params: int
    macs: int
    image: int = 224
    channels: int = 3
    classes: int = 1000
    printed_params: Printed | None = None
    printed_macs: Printed | None = None
    errors: Errors | None = None


@dataclass(frozen=True)
class Entry:
    """One registered network: how it is built and what is published of it."""

    name: str
    build: Callable[..., nn.Module]
    paper: Paper
    published: Published
    numbers: dict[str, Any] = field(default_factory=dict)


_ENTRIES: dict[str, Entry] = {}


def register(
    name: str, *, paper: Paper, published: Published, **numbers: Any
) -> Callable[[Build], Build]:
    """Enter a network under a name; `numbers` are what its constructor takes for this variant."""

    def enter(build: Build) -> Build:
        if name in _ENTRIES:
            raise InputError(f"{name!r} is registered twice; give the second another name.")
        _ENTRIES[name] = Entry(name, build, paper, published, numbers)
        return build

    return enter


def names() -> tuple[str, ...]:
    """Every registered name: by year, by paper, then by multiply-accumulates."""

    def place(known: Entry) -> tuple[int, str, int, int, str]:
        paper, published = known.paper, known.published
        return paper.year, paper.title, published.macs, published.params, known.name

    return tuple(known.name for known in sorted(_ENTRIES.values(), key=place))


def entry(name: str) -> Entry:
    """The record of one network.

    Raises:
        InputError: no network has that name; the message names the nearest.
    """
    if name not in _ENTRIES:
        raise unknown("model", name, names(), "`canon list models`")
    return _ENTRIES[name]


def create(
    name: str,
    *,
    classes: int | None = None,
    channels: int | None = None,
    image: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """Build a network with its paper's initialisation.

    Args:
        name: a registered name.
        classes: outputs; None means the paper's.
        channels: of the input images; None means the paper's.
        image: side of the input images in pixels; None means the paper's. Networks that end in
            fully connected layers derive them from it, the others only check that it is legal.
        seed: of the initial weights.

    Raises:
        InputError: an unknown name, a number below one, or an image too small for the network.
    """
    known = entry(name)
    for word, value in {"classes": classes, "channels": channels, "image": image}.items():
        if value is not None and value < 1:
            raise InputError(f"{word} is {value}; expected 1 or more. Pass --{word} N.")
    if image and image < known.published.image and (stage := too_small(known, image)):
        raise InputError(_small_image(known, image, stage))
    return _build(known, classes, channels, image, seed)


def _build(
    known: Entry,
    classes: int | None = None,
    channels: int | None = None,
    image: int | None = None,
    seed: int = 0,
) -> nn.Module:
    published = known.published
    arguments = known.numbers | {
        "classes": classes or published.classes,
        "channels": channels or published.channels,
        "seed": seed,
    }
    if "image" in inspect.signature(known.build).parameters:
        arguments["image"] = image or published.image
    return known.build(**arguments)


def too_small(known: Entry, image: int) -> str | None:
    """The stage in which images of this side run out of pixels, or None if they do not."""
    try:
        with torch.device("meta"):
            net = _build(known, image=image)
    except InputError:
        return "its head"
    features = net.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    return starved(features, known.published.channels, image)


def smallest_image(name: str) -> int:
    """The smallest legal side of a network's input, in pixels, found by bisection."""
    known = entry(name)
    low, high = 0, known.published.image  # too small, legal
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_small(known, middle) else (low, middle)
    return high


def _small_image(known: Entry, image: int, stage: str) -> str:
    smallest, expected = smallest_image(known.name), known.published.image
    every = [_ENTRIES[name] for name in names()]
    small = [e for e in every if e.published.image <= 32 and e.published.errors]
    kin = [e for e in small if e.paper == known.paper] or small
    others = (e.name for e in kin if e is not known and not too_small(e, image))
    fitting = list(islice(others, 4))
    instead = f"For small images use {', '.join(fitting)}, or pass" if fitting else "Pass"
    return (
        f"{known.name} runs out of pixels in {stage} when images are {image} x {image}; it "
        f"expects {expected} and takes no less than {smallest}. {instead} --image {expected} to "
        "enlarge them."
    )
