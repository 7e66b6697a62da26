"""Training recipes: each paper's own, and a modern one for small datasets."""

from canon.recipes.modern import modern
from canon.recipes.papers import paper

__all__ = ["modern", "paper"]
