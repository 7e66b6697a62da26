"""The outputs of stages, and the score that an explanation is about."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from canon.errors import InputError
from canon.layers.stages import eval_mode, features_of, stage_named, stage_names
from canon.types import Images, Logits

Score = Callable[[Logits], Tensor]  # outputs (N, K) or (N, K, H, W) to (N,)


def class_score(target: Tensor) -> Score:
    """The logit of a class of each image; of maps, its mean over the pixels that have the class.

    Args:
        target: (N,) int64 classes.

    Raises:
        InputError: a class that the network does not have.
    """

    def score(outputs: Logits) -> Tensor:
        if int(target.max()) >= outputs.shape[1] or int(target.min()) < 0:
            raise InputError(
                f"there is no class {int(target.max())}; expected 0 to {outputs.shape[1] - 1}. "
                "Pass another class."
            )
        own = outputs[torch.arange(len(outputs)), target]
        if own.dim() == 1:
            return own
        here = (outputs.argmax(1) == target[:, None, None]).to(own.dtype)
        here = torch.where(here.flatten(1).any(1)[:, None, None], here, torch.ones_like(here))
        return (own * here).flatten(1).sum(1) / here.flatten(1).sum(1)

    return score


def predicted(outputs: Logits) -> Tensor:
    """The likeliest class of each image; of maps, the one with most pixels besides class 0."""
    if outputs.dim() == 2:
        return outputs.argmax(1)
    counts = nn.functional.one_hot(outputs.argmax(1), outputs.shape[1]).sum((1, 2))
    counts[:, 0] = torch.where(counts[:, 1:].sum(1) > 0, 0, counts[:, 0])
    return counts.argmax(1)


class Scored(nn.Module):
    """A network followed by a score.

    Args:
        net: the network.
        score: of its outputs.

    Shape: (N, C, H, W) -> (N,)
    """

    def __init__(self, net: nn.Module, score: Score) -> None:
        super().__init__()
        self.net, self.score = net, score

    def forward(self, x: Images) -> Tensor:
        return self.score(self.net(x))


@contextmanager
def recorded(module: nn.Module) -> Iterator[list[Tensor]]:
    """The outputs of a module in the forward passes within the context."""
    outputs: list[Tensor] = []
    hook = module.register_forward_hook(lambda _, __, y: outputs.append(y))
    try:
        yield outputs
    finally:
        hook.remove()


def stage_outputs(net: nn.Module, x: Images) -> dict[str, Tensor]:
    """The output of every named stage, in the order of execution.

    Shape: (N, C, H, W) -> (N, C', H', W') for each stage, or (N, D)
    """
    found: dict[str, Tensor] = {}

    def record(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda _, __, y: found.__setitem__(name, y)

    hooks = [stage_named(net, n).register_forward_hook(record(n)) for n in stage_names(net)]
    try:
        with eval_mode(net):
            net(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def last_maps(net: nn.Module, x: Images) -> str:
    """The name of the last stage of the features with maps of more than one pixel.

    Raises:
        InputError: no stage has such maps.
    """
    features = [name for name, _ in features_of(net).named_children()]
    outputs = stage_outputs(net, x)
    for name in reversed(features):
        y = outputs.get(name)
        if y is not None and y.dim() == 4 and y.shape[-2:].numel() > 1:
            return name
    raise InputError(
        "the network has no stage with maps of more than one pixel; expected convolutions. Pass "
        "another network."
    )


@contextmanager
def explained(net: nn.Module) -> Iterator[None]:
    """The network in evaluation mode, with gradients; modes are restored afterwards."""
    with eval_mode(net), torch.enable_grad():
        yield
