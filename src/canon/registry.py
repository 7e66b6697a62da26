"""The registry: every network by name, with its paper and published numbers.

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
from canon.layers.stages import first_too_small_stage
from canon.options import OPEN_OPTIONS, TaskName
from canon.published import Errors, Paper, Printed, Published, PublishedEnsemble

__all__ = [
    "Errors",
    "ModelInfo",
    "Paper",
    "Printed",
    "Published",
    "PublishedEnsemble",
    "build",
    "ensembles",
    "model_info",
    "names",
    "published_ensemble",
    "register",
    "register_ensemble",
    "smallest_image",
    "too_small",
]

Build = TypeVar("Build", bound=Callable[..., nn.Module])


@dataclass(frozen=True)
class ModelInfo:
    """One registered network: how it is built, what is published of it, what it is for."""

    name: str
    build: Callable[..., nn.Module]
    paper: Paper
    published: Published
    numbers: dict[str, Any] = field(default_factory=dict)
    task: TaskName = "classify"

    @property
    def choices(self) -> dict[str, Any]:
        """What its name leaves open, with the defaults."""
        taken = inspect.signature(self.build).parameters
        return {n: taken[n].default for n in OPEN_OPTIONS if n in taken and n not in self.numbers}


_ENTRIES: dict[str, ModelInfo] = {}
_ENSEMBLES: dict[str, PublishedEnsemble] = {}


def register_ensemble(known: PublishedEnsemble) -> PublishedEnsemble:
    """Enter a set of networks under its name."""
    _ENSEMBLES[known.name] = known
    return known


def ensembles() -> tuple[str, ...]:
    """Every registered set, by year."""
    return tuple(sorted(_ENSEMBLES, key=lambda name: _ENSEMBLES[name].paper.year))


def published_ensemble(name: str) -> PublishedEnsemble:
    """The record of one set.

    Raises:
        InputError: no set has that name; the message names the nearest.
    """
    if name not in _ENSEMBLES:
        raise unknown("set of networks", name, ensembles(), "`canon list sets`")
    return _ENSEMBLES[name]


def register(
    name: str, *, paper: Paper, published: Published, task: TaskName = "classify", **numbers: Any
) -> Callable[[Build], Build]:
    """Enter a network under a name; `numbers` are what its constructor takes for this variant."""

    def enter(build: Build) -> Build:
        if name in _ENTRIES:
            raise InputError(f"{name!r} is registered twice; give the second another name.")
        _ENTRIES[name] = ModelInfo(name, build, paper, published, numbers, task)
        return build

    return enter


def names(task: TaskName | None = None) -> tuple[str, ...]:
    """Every registered name: by year, by paper, then by multiply-accumulates.

    Args:
        task: only networks that `classify` images, or that `segment` them; None means all.
    """

    def place(known: ModelInfo) -> tuple[int, str, int, int, str]:
        paper, published = known.paper, known.published
        return paper.year, paper.title, published.macs, published.params, known.name

    chosen = (known for known in _ENTRIES.values() if task in (None, known.task))
    return tuple(known.name for known in sorted(chosen, key=place))


def model_info(name: str) -> ModelInfo:
    """The record of one network.

    Raises:
        InputError: no network has that name, the message names the nearest; or a set has it.
    """
    if name in _ENSEMBLES:
        raise InputError(
            f"{name} is a set of networks, {', '.join(_ENSEMBLES[name].members)}; expected one. "
            "Train its members, and fuse the runs with `canon ensemble`."
        )
    if name not in _ENTRIES:
        raise unknown("model", name, names(), "`canon list models`")
    return _ENTRIES[name]


def build(
    name: str,
    *,
    classes: int | None = None,
    channels: int | None = None,
    image: int | None = None,
    seed: int = 0,
    **more: Any,
) -> nn.Module:
    """Build a network with its paper's initialisation.

    Args:
        name: a registered name.
        classes: outputs; None means the paper's.
        channels: of the input images; None means the paper's.
        image: side of the input images in pixels; None means the paper's. Networks that end in
            fully connected layers derive them from it, the others only check that it is legal.
        seed: of the initial weights.
        more: what the name leaves open, such as the `width` of `unet-same`; None means its default.

    Raises:
        InputError: an unknown name, a number below one, something that the name does not leave
            open, or an image that is too small for the network or of a size that it does not take.
    """
    known = model_info(name)
    more = {word: value for word, value in more.items() if value is not None}
    _check_numbers(known, {"classes": classes, "channels": channels, "image": image} | more)
    if known.task == "segment":
        net = _build(known, classes, channels, image, seed, more)
        if image:
            net.output_side(image)  # type: ignore[operator]
        return net
    if image and image < known.published.image and (stage := too_small(known, image)):
        raise InputError(_small_image(known, image, stage))
    return _build(known, classes, channels, image, seed, more)


def _check_numbers(known: ModelInfo, numbers: dict[str, Any]) -> None:
    for word, value in numbers.items():
        if isinstance(value, int) and value < 1:
            raise InputError(f"{word} is {value}; expected 1 or more. Pass --{word} N.")
    closed = [word for word in numbers if word not in (*known.choices, *SIDES)]
    if closed:
        some = ", ".join(f"--{word}" for word in known.choices) or "nothing but its images' sides"
        raise InputError(
            f"{known.name} leaves no {closed[0]} open; expected {some}. Leave --{closed[0]} out, "
            "or choose another network."
        )


SIDES = ("classes", "channels", "image")


def _build(
    known: ModelInfo,
    classes: int | None = None,
    channels: int | None = None,
    image: int | None = None,
    seed: int = 0,
    more: dict[str, Any] | None = None,
) -> nn.Module:
    published = known.published
    arguments = known.numbers | (more or {}) | {
        "classes": classes or published.classes,
        "channels": channels or published.channels,
        "seed": seed,
    }  # fmt: skip
    if "image" in inspect.signature(known.build).parameters:
        arguments["image"] = image or published.image
    net = known.build(**arguments)
    # For which its head was made, or would have been; torch types only what a module computes with.
    net.image = image or published.image  # type: ignore[assignment]
    return net


def too_small(known: ModelInfo, image: int) -> str | None:
    """The stage in which images of this side run out of pixels, or None if they do not."""
    try:
        with torch.device("meta"):
            net = _build(known, image=image)
    except InputError:
        return "its head"
    features = net.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    return first_too_small_stage(features, known.published.channels, image)


def smallest_image(name: str) -> int:
    """The smallest legal side of a network's input, in pixels, found by bisection."""
    known = model_info(name)
    low, high = 0, known.published.image  # too small, legal
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_small(known, middle) else (low, middle)
    return high


def _small_image(known: ModelInfo, image: int, stage: str) -> str:
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
        f"enlarge them, or any side from {smallest} on."
    )
