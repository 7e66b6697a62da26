"""The networks, one file per paper; importing this package registers them all."""

from canon.models import alexnet, lenet5, resnet, vgg
from canon.registry import create, entry, names

__all__ = ["alexnet", "create", "entry", "lenet5", "names", "resnet", "vgg"]
