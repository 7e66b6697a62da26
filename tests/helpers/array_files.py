"""Small files in the formats of MNIST and CIFAR-10."""

import gzip
import struct

import numpy as np


def write_idx(folder, split="train", images=30, labels=30, classes=3):
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    prefix = {"train": "train", "test": "t10k"}[split]
    pixels = random.integers(0, 256, (images, 8, 8), np.uint8)
    head = struct.pack(">4B3I", 0, 0, 8, 3, images, 8, 8)
    with gzip.open(folder / f"{prefix}-images-idx3-ubyte.gz", "wb") as file:
        file.write(head + pixels.tobytes())
    values = (np.arange(labels) % classes).astype(np.uint8)
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(
        struct.pack(">4BI", 0, 0, 8, 1, labels) + values.tobytes()
    )
    return folder, pixels, values


def cifar_rows(count=20):
    random = np.random.default_rng(1)
    labels = np.arange(count, dtype=np.uint8) % 10
    planes = random.integers(0, 256, (count, 3, 32, 32), np.uint8)
    return labels, planes
