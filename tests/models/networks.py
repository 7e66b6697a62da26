"""Every registered network in a small form, with images for it."""

from collections.abc import Iterable
from functools import cache

import pytest
import torch
from torch import nn

from canon.layers.interfaces import AuxiliaryHeads
from canon.models import build, model_info, names
from canon.registry import smallest_image

CLASSES = 7
OPTIONS = {"unet": {"width": 2}, "unet-same": {"width": 2}, "unet-same-bn": {"width": 2},
           "encoder-decoder": {"backbone": "resnet20", "width": 4}, "chairs": {"width": 16},
           "chairs-deep": {"width": 16}, "chairs-64": {"width": 16}}  # fmt: skip
SIDES = {"unet": 188, "deconvnet": 193}  # of images to segment; 32 pixels for the other networks

DEEPEST = ("1202", "1001", "152", "200", "154", "101", "wrn-40-8", "wrn-28-1", "-68-", "zfnet-b")
DEEP = {name for name in names("classify") if any(part in name for part in DEEPEST)}
LARGE = {name for name in names("segment") if model_info(name).published.params > 100e6}
WIDE = {name for name in names("classify") if model_info(name).published.macs > 9e9}
HEAVY = DEEP | LARGE | {name for name in WIDE if "vgg" not in name}  # VGG is quick at 32 pixels
# Thousands of layers take minutes, and they are those of resnet110 and preact-resnet164.
THOUSANDS = {"resnet1202", "preact-resnet1001"}


def families() -> set[str]:
    """The network with the fewest parameters of each paper's file."""
    first: dict[str, str] = {}
    for name in sorted(names(), key=lambda name: model_info(name).published.params):
        first.setdefault(model_info(name).build.__module__, name)
    return set(first.values())


QUICK = families() - HEAVY


def every_network(quick: set[str] = QUICK, among: Iterable[str] | None = None) -> list:
    """All names, or those of a task; the ones that are not quick are marked slow."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow)
            for name in among or names()]  # fmt: skip


@cache
def side_of(name: str) -> int:
    """A small legal side: heads are small there, and passes are quick."""
    if model_info(name).task == "segment":
        return SIDES.get(name, 32)
    if model_info(name).task == "generate":
        return 1  # attributes
    return max(smallest_image(name), 16)


def small(name: str, **more) -> nn.Module:
    """The network for small images, and narrow where its width is an option."""
    sides = {"image": side_of(name)}
    if model_info(name).takes("classes"):  # auto-encoders have none
        sides["classes"] = CLASSES
    return build(name, **sides, **OPTIONS.get(name, {}), **more)


def images(name: str, count: int) -> torch.Tensor:
    """Noise, of a side that the small network takes."""
    side, source = side_of(name), torch.Generator().manual_seed(0)
    return torch.randn(count, model_info(name).published.channels, side, side, generator=source)


def published_input(name: str, count: int = 1) -> torch.Tensor:
    """An empty batch of the paper's size."""
    published = model_info(name).published
    return torch.empty(count, published.channels, *published.size)


def outputs(net: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """The outputs that training uses: those of auxiliary heads too."""
    if not isinstance(net, AuxiliaryHeads):
        return [net(x)]
    logits, others = net.with_aux(x)
    return [logits, *others]


@torch.no_grad()
def without_zero_weights(net: nn.Module) -> nn.Module:
    """The network with noise for weights that start at zero, as FCN's scores do.

    The few units of a gate get a bias, as all of them may start below zero.
    """
    for p in net.parameters():
        if p.dim() > 1 and not p.any():
            p.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
    for name, p in net.named_parameters():
        if name.endswith("gate.fc1.bias"):
            nn.init.ones_(p)
    return net
