"""How large activations and gradients are at every layer: the signal through depth."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.analysis.description import short
from canon.errors import InputError
from canon.layers.init import Weighted
from canon.types import Images


@dataclass(frozen=True)
class LayerSignal:
    """A layer with weights, in one forward and backward pass.

    Args:
        name: its path, without the part of the network.
        stage: its named stage.
        activation: root mean square of its output.
        gradient: root mean square of the gradient of the mean loss with respect to its output,
            times the number of images, so that it does not depend on the batch.
        weight_gradient: root mean square of the gradient with respect to its weights.
    """

    name: str
    stage: str
    activation: float
    gradient: float
    weight_gradient: float


def signal(net: nn.Module, x: Images, target: Tensor) -> tuple[LayerSignal, ...]:
    """The size of activations and gradients at every layer, in the order of execution.

    The network runs as it does in training: batch normalisation uses the statistics of the batch.
    Its buffers and modes are restored, and no gradient is left.

    Args:
        net: a classifier.
        x: (N, C, H, W) images.
        target: (N,) int64 classes, for the cross-entropy of the outputs.

    Raises:
        InputError: the network has no layer with weights that runs, or no scores of classes.
    """
    modes = {module: module.training for module in net.modules()}
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    outputs: dict[str, Tensor] = {}
    layers = {name: m for name, m in net.named_modules() if isinstance(m, Weighted)}
    try:
        with ExitStack() as hooks, torch.enable_grad():
            for name, layer in layers.items():
                hooks.callback(layer.register_forward_hook(_recorder(outputs, name)).remove)
            scores = net.train()(x)
            if scores.dim() != 2:
                raise InputError(
                    f"the outputs have the shape {tuple(scores.shape)}; expected one score for "
                    "each class. Pass a classifier."
                )
            found = {name: y for name, y in outputs.items() if y.requires_grad}
            if not found:
                raise InputError(
                    "the network has no convolution or linear layer; expected one. Pass another "
                    "network."
                )
            loss = F.cross_entropy(scores, target)
            weights = [layers[name].weight for name in found]
            gradients = torch.autograd.grad(loss, [*found.values(), *weights])
    finally:
        for module, training in modes.items():
            module.train(training)
        for name, buffer in net.named_buffers():
            buffer.copy_(buffers[name])
    return tuple(_signals(found, gradients, len(x)))


def by_stage(layers: Sequence[LayerSignal]) -> tuple[LayerSignal, ...]:
    """One entry for each stage: the root mean square over its layers."""
    stages = dict.fromkeys(one.stage for one in layers)
    found = []
    for stage in stages:
        own = [one for one in layers if one.stage == stage]
        means = [
            (sum(getattr(one, name) ** 2 for one in own) / len(own)) ** 0.5
            for name in ("activation", "gradient", "weight_gradient")
        ]
        found.append(LayerSignal(stage, stage, *means))
    return tuple(found)


def _recorder(outputs: dict[str, Tensor], name: str) -> Callable[[nn.Module, Any, Tensor], None]:
    def record(_: nn.Module, __: object, y: Tensor) -> None:
        outputs[name] = y

    return record


def _signals(
    outputs: dict[str, Tensor], gradients: tuple[Tensor, ...], images: int
) -> Iterator[LayerSignal]:
    of_outputs, of_weights = gradients[: len(outputs)], gradients[len(outputs) :]
    for (name, y), g, w in zip(outputs.items(), of_outputs, of_weights, strict=True):
        own = short(name)
        yield LayerSignal(own, own.partition(".")[0], _rms(y), images * _rms(g), _rms(w))


def _rms(values: Tensor) -> float:
    return float(values.detach().double().square().mean().sqrt())
