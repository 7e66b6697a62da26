"""A modern recipe for each kind of network, for sets of hundreds to tens of thousands of images.

The kinds differ in what they can bear: networks with batch normalisation train with a high rate and
Nesterov momentum, those without take AdamW and a clipped gradient.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from canon.data.augment.augmentation import Augmentation
from canon.recipes import segmentation
from canon.registry import build, model_info
from canon.training.recipe import Recipe

SMALL = Recipe(
    name="modern",
    source="docs/training.md",
    optimiser="adamw",
    lr=3e-3,
    batch=64,
    epochs=20,
    decay=0.02,
    schedule="cosine",
    warmup=1,
    average=0.998,
    smoothing=0.05,
    augmentation=Augmentation(pad=2, flip=False),
    image=32,
    border=2,
    crop=1.0,
)

LENET5 = replace(SMALL, lr=5e-3, epochs=40, smoothing=0.0, normalisation="lenet5")

CIFAR = Recipe(
    name="modern",
    source="docs/training.md",
    optimiser="nesterov",
    lr=0.1,
    batch=128,
    epochs=30,
    decay=5e-4,
    schedule="cosine",
    warmup=2,
    average=0.998,
    smoothing=0.1,
    augmentation=Augmentation(pad=4),
    crop=1.0,
)

NORMALISED = replace(CIFAR, lr=0.02, batch=32, augmentation=Augmentation())

UNNORMALISED = replace(
    NORMALISED, optimiser="adamw", lr=1e-4, decay=0.05, clip=1.0, augmentation=Augmentation()
)


# What a small network without batch normalisation bears, with the crops of its size.
UNNORMALISED_SMALL = replace(
    UNNORMALISED, lr=1e-3, batch=128, augmentation=CIFAR.augmentation, crop=CIFAR.crop
)


def modern(name: str) -> Recipe:
    """The default recipe of a network."""
    published = model_info(name).published
    if model_info(name).task == "segment":
        if published.channels == 1:
            return segmentation.MODERN_CELLS
        return segmentation.MODERN if normalises(name) else segmentation.MODERN_PLAIN
    if name == "lenet5":
        return LENET5
    if published.channels == 1:
        return SMALL
    if published.image == 32:
        return CIFAR if normalises(name) else UNNORMALISED_SMALL
    return NORMALISED if normalises(name) else UNNORMALISED


class _Found(Exception):  # noqa: N818
    """What was looked for is there: the rest need not be built."""


@cache
def normalises(name: str) -> bool:
    """Whether a network has batch normalisation; built without memory, up to the first of it."""

    def look(_whole: nn.Module, _name: str, part: nn.Module | None) -> None:
        if isinstance(part, nn.BatchNorm2d):
            raise _Found

    hook = register_module_module_registration_hook(look)
    try:
        with torch.device("meta"):
            build(name)
    except _Found:
        return True
    finally:
        hook.remove()
    return False
