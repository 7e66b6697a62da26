"""Learned filters as arrays."""

from torch import Tensor, nn

from canon.errors import InputError
from canon.layers.stages import features_of, stage_named


def filters(net: nn.Module, stage: str | None = None) -> Tensor:
    """The weights of the first convolution of a network, or of one of its stages.

    Args:
        net: the network.
        stage: by name; None means all features.

    Returns:
        (K, C, h, w): one filter for each output map.

    Raises:
        InputError: there is no such stage, or no convolution in it.
    """
    part = features_of(net) if stage is None else stage_named(net, stage)
    if (convolution := first_convolution(part)) is not None:
        return convolution.weight.detach()
    where = "the network" if stage is None else f"stage {stage}"
    raise InputError(
        f"{where} has no convolution, so that there are no filters; expected one. Pass another "
        "--stage or network."
    )


def first_convolution(part: nn.Module) -> nn.Conv2d | None:
    """The first convolution of a network or a part of one; None if it has none."""
    return next((module for module in part.modules() if isinstance(module, nn.Conv2d)), None)
