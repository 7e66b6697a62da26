"""The registry: every network by name, with its paper and published numbers.

A network is registered where it is defined, one line per variant; nothing else keeps a list.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import nn

from canon.errors import InputError, unknown
from canon.layers.interfaces import DenseOutput
from canon.layers.stages import first_too_small_stage
from canon.options import OPEN_OPTIONS, TaskName
from canon.published import Errors, Paper, Printed, Published, PublishedEnsemble, number_in

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
    "number_in",
    "published_ensemble",
    "register",
    "register_ensemble",
    "smallest_image",
    "too_small",
]  # fmt: skip

Build = TypeVar("Build", bound=Callable[..., nn.Module])


@dataclass(frozen=True, eq=False)
class ModelInfo:
    """One registered network: its constructor, its paper, its published numbers and its task."""

    name: str
    build: Callable[..., nn.Module]
    paper: Paper
    published: Published
    numbers: dict[str, Any] = field(default_factory=dict)
    task: TaskName = "classify"

    @property
    def dense(self) -> bool:
        """Whether its output is a map of scores, as in segmentation."""
        return hasattr(self.build, "output_side")

    def takes(self, argument: str) -> bool:
        """Whether its constructor has this argument."""
        return argument in inspect.signature(self.build).parameters

    @property
    def choices(self) -> dict[str, Any]:
        """The options that a caller may choose, with their defaults."""
        taken = inspect.signature(self.build).parameters
        return {n: taken[n].default for n in OPEN_OPTIONS if n in taken and n not in self.numbers}


_ENTRIES: dict[str, ModelInfo] = {}
_ENSEMBLES: dict[str, PublishedEnsemble] = {}


def register_ensemble(ensemble: PublishedEnsemble) -> PublishedEnsemble:
    """Enter a published ensemble under its name."""
    _ENSEMBLES[ensemble.name] = ensemble
    return ensemble


def ensembles() -> tuple[str, ...]:
    """Every registered ensemble, by year."""
    return tuple(sorted(_ENSEMBLES, key=lambda name: _ENSEMBLES[name].paper.year))


def published_ensemble(name: str) -> PublishedEnsemble:
    """The record of one ensemble.

    Raises:
        InputError: no ensemble has that name; the message names the nearest.
    """
    if name not in _ENSEMBLES:
        raise unknown("ensemble", name, ensembles(), "`canon list ensembles`")
    return _ENSEMBLES[name]


def register(
    name: str, *, paper: Paper, published: Published, task: TaskName = "classify", **numbers: Any
) -> Callable[[Build], Build]:
    """Enter a network under a name; `numbers` are the arguments of its constructor.

    Raises:
        InputError: another network has the name.
    """

    def enter(build: Build) -> Build:
        if name in _ENTRIES:
            raise InputError(f"{name!r} is registered already. Give this network another name.")
        _ENTRIES[name] = ModelInfo(name, build, paper, published, numbers, task)
        return build

    return enter


def names(task: TaskName | None = None) -> tuple[str, ...]:
    """Every registered name: by year, by paper, then by multiply-accumulates.

    Args:
        task: only networks that `classify`, `segment` or `reconstruct` images; None means all.
    """

    def order(model: ModelInfo) -> tuple[int, str, int, int, str]:
        paper, published = model.paper, model.published
        return paper.year, paper.title, published.macs, published.params, model.name

    models = (model for model in _ENTRIES.values() if task in (None, model.task))
    return tuple(model.name for model in sorted(models, key=order))


def model_info(name: str) -> ModelInfo:
    """The record of one network.

    Raises:
        InputError: no network has that name; the message names the nearest. Or the name is that
            of an ensemble.
    """
    if name in _ENSEMBLES:
        raise InputError(
            f"{name} is an ensemble of {', '.join(_ENSEMBLES[name].members)}; expected a single "
            "network. Train the members, then combine their runs with `canon ensemble`."
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
        classes: number of outputs; None means the paper's. Auto-encoders have none.
        channels: of the input images; None means the paper's.
        image: side of the input images in pixels; None means the paper's. Networks that end in
            fully connected layers derive these from it; the others only check that it is legal.
        seed: of the initial weights.
        more: options that the network has, such as the `width` of `unet-same`; None means the
            default.

    Raises:
        InputError: an unknown name, a number below one, an option that the network does not have,
            or an image side that it does not take.
    """
    model = model_info(name)
    more = {option: value for option, value in more.items() if value is not None}
    sides = {"classes": classes, "channels": channels, "image": image}
    _check_options(model, sides | more)
    if not model.dense and image and image < model.published.image:
        stage = too_small(model, image)
        if stage:
            raise InputError(_small_image(model, image, stage))
    net = _build(model, sides, seed, **more)
    if image and isinstance(net, DenseOutput):
        net.output_side(image)  # refuses an illegal one
    return net


# Larger ones overflow before they run out of memory.
LARGEST = {"width": 2**14, "depth": 12, "image": 2**17, "classes": 2**24, "channels": 2**16}
SIDES = ("classes", "channels", "image")  # options that every network has


def _check_options(model: ModelInfo, options: dict[str, Any]) -> None:
    for option, value in options.items():
        if isinstance(value, int) and value < 1:
            raise InputError(f"--{option} is {value}; expected 1 or more. Pass --{option} N.")
        most = LARGEST.get(option)
        if most and isinstance(value, int) and value > most:
            raise InputError(
                f"--{option} is {value:,}; expected at most {most:,}. Pass a smaller one."
            )
    if options.get("classes") and not model.takes("classes"):
        raise InputError(
            f"{model.name} has no classes: it reconstructs its input. Leave --classes out."
        )
    for option in options:
        if option not in (*model.choices, *SIDES):
            raise InputError(
                f"{model.name} has no --{option} option. Remove it{_instead(model, option)}."
            )


def _instead(model: ModelInfo, option: str) -> str:
    """The networks that have an option: one for the same task, if there is one."""
    having = [other for other in map(model_info, names()) if option in other.choices]
    having.sort(key=lambda other: (other.task != model.task, other.name != "unet-same"))
    return f", or choose a network that has one, such as {having[0].name}" if having else ""


def _build(model: ModelInfo, sides: dict[str, int | None], seed: int = 0, **more: Any) -> nn.Module:
    """The network; a side that is missing or None is the paper's."""
    chosen = {
        side: sides.get(side) or getattr(model.published, side)
        for side in SIDES
        if model.takes(side)
    }
    return model.build(**model.numbers | more | chosen, seed=seed)


def too_small(model: ModelInfo, image: int) -> str | None:
    """The stage in which images of this side become too small, or None if they do not."""
    try:
        features = _features_on_meta(model, image if model.takes("image") else None)
    except InputError:
        return "its head"
    return first_too_small_stage(features, model.published.channels, image)


@lru_cache(maxsize=1)  # a search asks for one network many times
def _features_on_meta(model: ModelInfo, image: int | None) -> nn.Sequential:
    with torch.device("meta"):
        features = _build(model, {"image": image}).get_submodule("features")
    assert isinstance(features, nn.Sequential)
    return features


def smallest_image(name: str) -> int:
    """The smallest legal side of a network's input, in pixels, found by bisection."""
    model = model_info(name)
    low, high = 0, model.published.image  # too small, legal
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_small(model, middle) else (low, middle)
    return high


def _small_image(model: ModelInfo, image: int, stage: str) -> str:
    smallest, expected = smallest_image(model.name), model.published.image
    every = [_ENTRIES[name] for name in names()]
    small = [e for e in every if e.published.image <= 32 and e.published.errors]
    related = [e for e in small if e.paper == model.paper] or small
    shallow = {e.build: e for e in reversed(related)}  # depth does not change the smallest side
    fitting = (e.name for e in related if e is not model and not too_small(shallow[e.build], image))
    first = list(islice(fitting, 4))
    instead = f"For small images use {', '.join(first)}, or pass" if first else "Pass"
    return (
        f"{image} x {image} images are too small for {model.name}: {stage} needs larger maps. "
        f"It expects {expected} pixels per side and takes {smallest} or more. {instead} "
        f"--image {expected} to enlarge them, or any side from {smallest}."
    )
