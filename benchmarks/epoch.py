"""One epoch of lenet5-modern on MNIST: packed whole batches against images one by one.

The usual pipeline is a `Dataset` that makes a PIL image of each array, `ToTensor`, `Normalize`,
and a `DataLoader`, written here from torch and Pillow alone. Network, optimiser and batch are the
same, without augmentation on either side. Both train on the same images, in turn, several times.
Without MNIST in $CANON_DATA or the cache, random images of its shape do: the work is the same.
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
from canon.data.packs.images import build_image_pack
from canon.errors import DataError
from canon.models import build
from canon.recipes import modern
from canon.tasks.classification.loss import ClassificationLoss
from canon.training.loop import fit
from canon.training.recipe import Limits
from canon.utils.devices import hardware, make_accelerator

ROUNDS, BATCH = 5, 128
MEAN, STD = 0.1307, 0.3081


class PerImage(Dataset):
    """An image at a time, with the copies that the usual transforms make."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        picture = Image.fromarray(self.images[i, :, :, 0])
        return normalised(to_tensor(picture)), int(self.labels[i])


def to_tensor(picture):
    """`ToTensor`: bytes (H, W, C) to floats (C, H, W) in [0, 1]."""
    array = np.array(picture, np.uint8, copy=True)
    x = torch.from_numpy(array).view(picture.size[1], picture.size[0], 1)
    return x.permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def normalised(x):
    """`Normalize`: less the mean, by the deviation, on a copy."""
    x, mean, std = x.clone(), torch.as_tensor([MEAN]), torch.as_tensor([STD])
    if (std == 0).any():
        raise ValueError("a deviation is zero")
    return x.sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))


def per_image_epoch(part: Split, workers: int) -> float:
    torch.manual_seed(0)
    net = build("lenet5-modern", image=28)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    start = time.perf_counter()
    loader = DataLoader(
        PerImage(part.images, part.labels), BATCH, shuffle=True, num_workers=workers
    )
    for images, labels in loader:
        optimiser.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimiser.step()
    return time.perf_counter() - start


def packed_epoch(part: Split) -> float:
    how = Preprocessing(28, 1, mean=(MEAN,), std=(STD,))
    plain = Augmentation(crop=False, flip=False)
    recipe = replace(
        modern("lenet5-modern"), lr=1e-3, batch=BATCH, augmentation=plain, average=0.0,
        smoothing=0.0, schedule="constant", warmup=0.0,
    )  # fmt: skip
    devices = make_accelerator("cpu")
    net = build("lenet5-modern", image=28).to(memory_format=torch.channels_last)
    start = time.perf_counter()
    data = ImageBatches(build_image_pack(part, how), how, plain)
    for _ in fit(net, ClassificationLoss(10), data, recipe, Limits(1), devices):
        pass
    return time.perf_counter() - start


def network_only(part: Split) -> float:
    """The limit: the same steps over one batch that is already a tensor."""
    net: nn.Module = build("lenet5-modern", image=28).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    images = torch.randn(BATCH, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(part.labels[:BATCH])
    start = time.perf_counter()
    for _ in range(len(part) // BATCH):
        optimiser.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimiser.step()
    return time.perf_counter() - start


def mnist() -> tuple[Set | None, Split]:
    try:
        data = open_data("mnist")
    except DataError:
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (60_000, 28, 28, 1), np.uint8)
        return None, Split(random.integers(0, 10, 60_000), images)
    return data, data.parts["train"]


def main() -> None:
    data, part = mnist()
    ways: dict[str, Callable[[], float]] = {
        "packed": lambda: packed_epoch(part),
        "per image, no workers": lambda: per_image_epoch(part, 0),
        "per image, 2 workers": lambda: per_image_epoch(part, 2),
        "network only": lambda: network_only(part),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            seconds[name].append(way())
    kind = "MNIST" if data else "random"
    print(f"one epoch of lenet5-modern, {len(part):,} {kind} images, batch {BATCH}")
    machine = ", ".join(f"{k} {v}" for k, v in hardware().items())
    print(f"{machine}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name, took in seconds.items():
        times = [a / b for a, b in zip(took, seconds["packed"], strict=True)]
        print(f"{name:22} {spread(took)} s    {spread(times)} times packed")


def spread(values: list[float]) -> str:
    return f"median {statistics.median(values):5.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
