"""A modern recipe for each kind of network, for hundreds to tens of thousands of images.

Networks with batch normalisation are trained with a high learning rate and Nesterov momentum, the
others with AdamW and gradient clipping.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import nn

from canon.data.augment.augmentation import Augmentation
from canon.recipes import segmentation
from canon.registry import build, model_info
from canon.training.recipe import Recipe

SMALL = Recipe(
    name="modern",
    source="docs/training.md",
    optimizer="adamw",
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

LENET5 = replace(SMALL, lr=5e-3, epochs=40, smoothing=0.0, normalization="lenet5")

CIFAR = Recipe(
    name="modern",
    source="docs/training.md",
    optimizer="nesterov",
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

WITH_BATCH_NORM = replace(CIFAR, lr=0.02, batch=32, augmentation=Augmentation())

WITHOUT_BATCH_NORM = replace(
    WITH_BATCH_NORM, optimizer="adamw", lr=1e-4, decay=0.05, clip=1.0, augmentation=Augmentation()
)


# For 32 x 32 images: a higher rate and the crops of that size.
WITHOUT_BATCH_NORM_SMALL = replace(
    WITHOUT_BATCH_NORM, lr=1e-3, batch=128, augmentation=CIFAR.augmentation, crop=CIFAR.crop
)


def modern(name: str) -> Recipe:
    """The default recipe of a network."""
    published = model_info(name).published
    if model_info(name).dense:
        if published.channels == 1:
            return segmentation.MODERN_CELLS
        return segmentation.MODERN if has_batch_norm(name) else segmentation.MODERN_PLAIN
    if name == "lenet5":
        return LENET5
    if published.channels == 1:
        return SMALL
    if published.image == 32:
        return CIFAR if has_batch_norm(name) else WITHOUT_BATCH_NORM_SMALL
    return WITH_BATCH_NORM if has_batch_norm(name) else WITHOUT_BATCH_NORM


@cache
def has_batch_norm(name: str) -> bool:
    """Whether a network has batch normalisation; built on the meta device."""
    with torch.device("meta"):
        return any(isinstance(module, nn.BatchNorm2d) for module in build(name).modules())
