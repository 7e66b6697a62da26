"""Small clusterings: two kinds of images, settings that take a second, the rows of the table."""

import csv

import numpy as np

SMALL = {"k": 2, "method": "dcec", "pretraining_epochs": 2, "epochs": 2, "device": "cpu"}


def bars(count=40, side=8):
    """Images of a bright upper or left half, with noise, and which of them they are."""
    random = np.random.default_rng(0)
    images = random.integers(0, 60, (count, side, side), np.uint8)
    labels = np.arange(count) % 2
    images[labels == 0, : side // 2] += 180
    images[labels == 1, :, : side // 2] += 180
    return images, labels


def rows_of(run):
    return list(csv.DictReader((run.path / "assignments.csv").read_text().splitlines()))
