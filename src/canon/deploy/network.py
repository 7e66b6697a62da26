"""The network that is deployed: pixels or normalised images in, named outputs out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.layers.auto_encoder import AutoEncoder
from canon.layers.clusters import (
    LogProbabilities,
    NearestClusters,
    StudentClusters,
    mean_of_maps,
)
from canon.layers.interfaces import Draws, Encodes
from canon.types import Images, RawImages

PIXELS, IMAGES, ATTRIBUTES = "pixels", "images", "attributes"  # names of inputs
LOGITS, PROBABILITIES, CLASSES = "logits", "probabilities", "classes"  # names of outputs
EMBEDDING, RECONSTRUCTION, PICTURES = "embedding", "reconstruction", "pictures"


class LogitsNetwork(nn.Module):
    """A network from its normalised input to logits, without preprocessing.

    Args:
        net: the network.
        task: what it was trained for.

    Shape: (N, C, H, W) -> a tuple in the order of `outputs`
    """

    def __init__(self, net: nn.Module, task: str) -> None:
        super().__init__()
        self.net, self.task = net, task

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs."""
        first = {"reconstruct": RECONSTRUCTION, "generate": PICTURES}.get(self.task, LOGITS)
        return (first, EMBEDDING) if has_embedding(self.net) else (first,)

    def forward(self, x: Images) -> tuple[Tensor, ...]:
        y, code = output_and_code(self.net, x)
        return (y,) if code is None else (y, code)


class DeployedNetwork(nn.Module):
    """A network between stored pixels and the outputs that its task names.

    A classifier or clustering gives `probabilities`, (N, K); a segmentation network `classes`,
    (N, H, W) uint8, and `probabilities`, (N, K, H, W); an auto-encoder the `reconstruction`,
    (N, C, H, W), of its normalised input. The last output is an `embedding`, (N, D).

    Args:
        net: the network.
        prep: its preprocessing; of images, the centre of the stored square is cropped.
        task: what the network was trained for.

    Shape: (N, S, S, C) -> a tuple in the order of `outputs`
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, net: nn.Module, prep: Preprocessing, task: str) -> None:
        super().__init__()
        self.net, self.task, self.prep = net, task, prep
        self.start = 0 if task == "segment" else (prep.stored - prep.inner) // 2
        mean, std = (values[:, None, None] for values in prep.levels())
        self.register_buffer("scale", 1 / std)
        self.register_buffer("shift", -mean / std)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs."""
        first = {"reconstruct": (RECONSTRUCTION,), "segment": (CLASSES, PROBABILITIES)}
        embedding = (EMBEDDING,) if has_embedding(self.net) else ()
        return (*first.get(self.task, (PROBABILITIES,)), *embedding)

    def forward(self, raw: RawImages) -> tuple[Tensor, ...]:
        return self.of_planes(raw.permute(0, 3, 1, 2).float())

    def of_planes(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The outputs for stored pixels as floating-point numbers, (N, C, S, S)."""
        y, code = output_and_code(self.net, self.input(pixels))
        classes = (y.argmax(1).to(torch.uint8),) if self.task == "segment" else ()
        if self.task != "reconstruct":
            y = y.softmax(1)
        return (*classes, y) if code is None else (*classes, y, code)

    def input(self, pixels: Tensor) -> Tensor:
        """The network's input, (N, C, H, W), of stored pixels (N, C, S, S)."""
        if self.start:
            middle = slice(self.start, self.start + self.prep.inner)
            pixels = pixels[:, :, middle, middle]
        x = pixels * self.scale + self.shift
        border = self.prep.border
        return nn.functional.pad(x, (border,) * 4, mode="replicate") if border else x


def has_embedding(net: nn.Module) -> bool:
    """Whether a network has a code of each image: ensembles and generators have none."""
    return isinstance(_inner(net), Encodes) or _code_module(net) is not None


def output_and_code(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The output of a network and the code of each image, (N, D), in one pass.

    The code is that of `canon.layers.clusters.code_of`.
    """
    inner, module = _inner(net), _code_module(net)
    if isinstance(net, StudentClusters):
        code = net.net.encode(x)
        return net.assign(code), code
    if isinstance(inner, AutoEncoder):
        code, y = inner.with_code(x)
        return y, code
    if isinstance(inner, Encodes):
        return net(x), inner.encode(x)  # engines compute what both share once
    if module is None:
        return net(x), None
    y, code = _watched(net, module, x)
    return y, mean_of_maps(code)


def _watched(net: nn.Module, module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The output of a network, and that of one of its parts in the same pass."""
    seen: list[Tensor] = []
    keep: Callable[..., None] = lambda _module, _inputs, output: seen.append(output)  # noqa: E731
    handle = module.register_forward_hook(keep)
    try:
        y = net(x)
    finally:
        handle.remove()
    return y, seen[-1]


def _inner(net: nn.Module) -> nn.Module:
    return net.net if isinstance(net, (StudentClusters, LogProbabilities)) else net


def _code_module(net: nn.Module) -> nn.Module | None:
    """The part of a network whose output is the code."""
    if isinstance(net, NearestClusters):
        return net.code
    if isinstance(net, Draws):
        return None
    features = dict(_inner(net).named_children()).get("features")
    return None if features is None else [*features.children()][-1]
