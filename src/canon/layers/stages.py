"""Named stages: the layout of every network, its intermediate outputs, its smallest image."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from canon.errors import InputError, nearest


def stages(**named: nn.Module) -> nn.Sequential:
    """A sequence whose parts have the names that the paper gives its stages."""
    return nn.Sequential(OrderedDict(named))


def average_head(c_in: int, classes: int, dropout: float = 0.0) -> nn.Sequential:
    """The mean of each map, dropout unless it is zero, and a linear layer.

    Shape: (N, C, H, W) -> (N, K)
    """
    drop = {"drop": nn.Dropout(dropout)} if dropout else {}
    pool, fc = nn.AdaptiveAvgPool2d(1), nn.Linear(c_in, classes)
    return stages(pool=pool, flatten=nn.Flatten(), **drop, fc=fc)


def taps(features: nn.Sequential, x: Tensor) -> dict[str, Tensor]:
    """The output of every named stage, in order; the last is `features(x)` itself."""
    outputs = {}
    for name, stage in features.named_children():
        x = stage(x)
        outputs[name] = x
    return outputs


def require_stage(net: nn.Module, stage: str) -> None:
    """Check that a network has a stage.

    Raises:
        InputError: no stage has that name.
    """
    names = [name for name, _ in net.get_submodule("features").named_children()]
    if stage not in names:
        raise InputError(
            f"no stage is named {stage!r}.{nearest(stage, names)} "
            f"Its stages are {', '.join(names)}."
        )


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """The model in evaluation mode and without gradients; its modes are restored afterwards."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            yield model
    finally:
        for module, training in modes.items():
            module.training = training


def first_too_small_stage(features: nn.Sequential, channels: int, image: int) -> str | None:
    """The first stage with maps too small for its windows, or None.

    Too small is a map smaller than a window, and a 1 x 1 map under a k x k convolution, which sees
    one value and its own padding.

    Args:
        features: the stages, on the meta device, where they take no memory.
        channels: of the image.
        image: its side in pixels.
    """
    starved: list[nn.Module] = []

    def watch(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        wide = isinstance(module, nn.Conv2d) and module.kernel_size[0] > 1
        if wide and inputs[0].shape[-1] == 1:
            starved.append(module)

    hooks = [m.register_forward_pre_hook(watch) for m in features.modules()]
    try:
        x = torch.empty(2, channels, image, image, device="meta")
        for name, stage in features.named_children():
            try:
                x = stage(x)
            except RuntimeError:  # the window is larger than the map
                return name
            if starved:
                return name
    finally:
        for hook in hooks:
            hook.remove()
    return None
