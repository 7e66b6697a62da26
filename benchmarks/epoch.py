"""One epoch of lenet5-modern on MNIST: packed batches compared with image-by-image loading.

The usual pipeline is a `Dataset` that converts each array to a PIL image, `ToTensor`, `Normalize`,
and a `DataLoader`, written here with torch and Pillow only. Network, optimizer, batch and images
are the same, without augmentation. Runs are interleaved and repeated. Without MNIST in $CANON_DATA
or the cache, random images of its shape are used; the work is the same.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from canon.data import Dataset as Set
from canon.data import Preprocessing, Split, open_data
from canon.data.augment.augmentation import Augmentation
from canon.data.augment.image_batches import ImageBatches
from canon.data.images.collection import ArrayImages
from canon.data.packs.images import build_image_pack
from canon.data.targets.labels import Labels
from canon.errors import DataError
from canon.models import build
from canon.recipes import modern
from canon.recipes.images import ClassificationRecipe
from canon.tasks.classification.loss import ClassificationLoss
from canon.training.loop import fit
from canon.training.recipe import Limits
from canon.training.schedules import Constant
from canon.utils.devices import hardware, make_accelerator

ROUNDS, BATCH = 5, 128
MEAN, STD = 0.1307, 0.3081


class PerImage(Dataset):
    """One image at a time, with the copies of the usual transforms."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        picture = Image.fromarray(self.images[i, :, :, 0])
        return normalize(to_tensor(picture)), int(self.labels[i])


def to_tensor(picture):
    """`ToTensor`: bytes (H, W, C) to floats (C, H, W) in [0, 1]."""
    array = np.array(picture, np.uint8, copy=True)
    x = torch.from_numpy(array).view(picture.size[1], picture.size[0], 1)
    return x.permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def normalize(x):
    """`Normalize`: a copy, minus the mean, divided by the standard deviation."""
    x, mean, std = x.clone(), torch.as_tensor([MEAN]), torch.as_tensor([STD])
    if (std == 0).any():
        raise ValueError("a standard deviation is zero")
    return x.sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))


def per_image_epoch(split: Split, workers: int) -> float:
    torch.manual_seed(0)
    net = build("lenet5-modern", image=28)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    start = time.perf_counter()
    loader = DataLoader(
        PerImage(split.images.pixels, split.targets.values),
        BATCH,
        shuffle=True,
        num_workers=workers,
    )
    for images, labels in loader:
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return time.perf_counter() - start


def packed_epoch(split: Split) -> float:
    prep = Preprocessing(28, 1, mean=(MEAN,), std=(STD,))
    plain = Augmentation(crop=False, flip=False)
    recipe = replace(
        modern("lenet5-modern"), lr=1e-3, batch=BATCH, images=ClassificationRecipe(plain),
        average=0.0, schedule=Constant(),
    )  # fmt: skip
    accelerator = make_accelerator("cpu")
    net = build("lenet5-modern", image=28).to(memory_format=torch.channels_last)
    start = time.perf_counter()
    data = ImageBatches(build_image_pack(split.images, split.targets.values, prep), prep, plain)
    for _ in fit(net, ClassificationLoss(), data, recipe, accelerator, limits=Limits(1)):
        pass
    return time.perf_counter() - start


def network_only(split: Split) -> float:
    """The limit: the same steps over one batch that is already a tensor."""
    net: nn.Module = build("lenet5-modern", image=28).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    images = torch.randn(BATCH, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(split.targets.values[:BATCH])
    start = time.perf_counter()
    for _ in range(len(split) // BATCH):
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return time.perf_counter() - start


def mnist() -> tuple[Set | None, Split]:
    try:
        data = open_data("mnist")
    except DataError:
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (60_000, 28, 28, 1), np.uint8)
        labels = Labels(random.integers(0, 10, 60_000), tuple("0123456789"))
        return None, Split(ArrayImages.of(images), labels)
    return data, data.splits["train"]


def main() -> None:
    data, split = mnist()
    variants: dict[str, Callable[[], float]] = {
        "packed": lambda: packed_epoch(split),
        "per image, no workers": lambda: per_image_epoch(split, 0),
        "per image, 2 workers": lambda: per_image_epoch(split, 2),
        "network only": lambda: network_only(split),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, run in variants.items():
            seconds[name].append(run())
    kind = "MNIST" if data else "random"
    print(f"one epoch of lenet5-modern, {len(split):,} {kind} images, batch {BATCH}")
    machine = ", ".join(f"{k} {v}" for k, v in hardware().items())
    print(f"{machine}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name, took in seconds.items():
        times = [a / b for a, b in zip(took, seconds["packed"], strict=True)]
        print(f"{name:22} {spread(took)} s    {spread(times)} x packed")


def spread(values: list[float]) -> str:
    return f"median {statistics.median(values):5.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
