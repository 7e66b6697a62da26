"""A few images of real data sets as training batches, and the loss on them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from canon.data import Preprocessing, open_data
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import build_image_pack
from canon.runs.plan import with_normalization
from canon.utils.files import cache_dir


def real_batches(source: str, image: int, channels: int, count: int, recipe) -> ImageBatches:
    """The first images of each class of a data set, as training batches."""
    folder = Path(os.environ["CANON_DATA"], source)
    split = open_data(cifar(folder) if source == "cifar10" else folder).splits["train"]
    labels = split.targets.values
    kinds = np.unique(labels)
    places = [np.flatnonzero(labels == kind)[: -(-count // len(kinds))] for kind in kinds]
    split = split.select(np.sort(np.concatenate(places)[:count]))
    crop = 1.0 if source == "mnist" or image == 32 else recipe.images.crop
    prep = Preprocessing(image, channels, border=2 if source == "mnist" else 0, crop=crop)
    pack = build_image_pack(split.images, split.targets.values, prep)
    prep = with_normalization(prep, recipe, None, pack.statistics())
    return ImageBatches(pack, prep, recipe.images.augmentation)


def cifar(folder: Path) -> Path:
    """CIFAR-10 as an npz, unpacked once into the cache."""
    path = cache_dir() / "cifar10.npz"
    if not path.is_file():
        subprocess.run([sys.executable, folder / "unpack.py", path], check=True)
    return path


def loss_on(net, objective, batches) -> float:
    """Of the images as they are, with the statistics of the batch and without dropout."""
    net.train()
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    images, labels = batches.evaluation(torch.arange(len(batches)))
    momenta = {m: m.momentum for m in net.modules() if hasattr(m, "momentum")}
    with torch.no_grad():
        for module in momenta:
            module.momentum = 0.0  # evaluating must not move the running statistics
        losses = objective.sample_figures(net(images), labels)[:, 3]
        for module, momentum in momenta.items():
            module.momentum = momentum
    return float(losses.mean())
