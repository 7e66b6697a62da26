"""A modern recipe for each kind of network, for hundreds to tens of thousands of images.

Networks with batch normalisation are trained with a high learning rate and Nesterov momentum, the
others with AdamW and gradient clipping.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import nn

from canon.data.augment.augmentation import Augmentation
from canon.recipes import auto_encoders, generators, segmentation
from canon.recipes.images import PHOTO, ClassificationRecipe
from canon.registry import build, model_info
from canon.training.optimizers import SGD, AdamW
from canon.training.recipe import Recipe
from canon.training.schedules import Cosine

SMALL = Recipe(
    name="modern",
    source="docs/training.md",
    optimizer=AdamW(),
    lr=3e-3,
    batch=64,
    epochs=20,
    images=ClassificationRecipe(Augmentation(pad=2, flip=False), image=32, border=2, crop=1.0),
    decay=0.02,
    schedule=Cosine(warmup=1),
    average=0.998,
)

LENET5 = replace(SMALL, lr=5e-3, epochs=40, normalization="lenet5")

CIFAR = Recipe(
    name="modern",
    source="docs/training.md",
    optimizer=SGD(momentum=0.9, nesterov=True),
    lr=0.1,
    batch=128,
    epochs=30,
    images=ClassificationRecipe(Augmentation(pad=4), smoothing=0.1, crop=1.0),
    decay=5e-4,
    schedule=Cosine(warmup=2),
    average=0.998,
)

WITH_BATCH_NORM = replace(
    CIFAR, lr=0.02, batch=32, images=ClassificationRecipe(PHOTO, smoothing=0.1)
)

WITHOUT_BATCH_NORM = replace(WITH_BATCH_NORM, optimizer=AdamW(), lr=1e-4, decay=0.05, clip=1.0)

# For 32 x 32 images: a higher rate and the crops of that size.
WITHOUT_BATCH_NORM_SMALL = replace(WITHOUT_BATCH_NORM, lr=1e-3, batch=128, images=CIFAR.images)

BY_TASK = {"reconstruct": auto_encoders.MODERN, "generate": generators.MODERN}


def modern(name: str) -> Recipe[Any]:
    """The default recipe of a network."""
    info = model_info(name)
    if info.task in BY_TASK:
        return BY_TASK[info.task]
    if info.dense:
        return _dense(name)
    if name == "lenet5":
        return LENET5
    if info.published.channels == 1:
        return SMALL
    if info.published.image == 32:
        return CIFAR if has_batch_norm(name) else WITHOUT_BATCH_NORM_SMALL
    return WITH_BATCH_NORM if has_batch_norm(name) else WITHOUT_BATCH_NORM


def _dense(name: str) -> Recipe[Any]:
    """That of a segmentation network."""
    if model_info(name).published.channels == 1:
        return segmentation.MODERN_CELLS
    return segmentation.MODERN if has_batch_norm(name) else segmentation.MODERN_PLAIN


@cache
def has_batch_norm(name: str) -> bool:
    """Whether a network has batch normalisation; built on the meta device."""
    with torch.device("meta"):
        return any(isinstance(module, nn.BatchNorm2d) for module in build(name).modules())
