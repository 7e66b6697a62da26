"""How each network is trained: its paper's way, and a modern one for small sets."""

from canon.recipes.modern import modern
from canon.recipes.papers import paper

__all__ = ["modern", "paper"]
