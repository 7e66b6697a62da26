"""Pretrained weights: catalog, key rules as data, safe reading, loading and transfer."""

from canon.weights.catalog import PUBLISHED, PublishedWeights, published_weights
from canon.weights.load import Loaded, create, load, load_exact
from canon.weights.read import Checkpoint, read

__all__ = [
    "PUBLISHED",
    "Checkpoint",
    "Loaded",
    "PublishedWeights",
    "create",
    "load",
    "load_exact",
    "published_weights",
    "read",
]
