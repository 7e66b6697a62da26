"""Named stages: the layout of every network, its intermediate outputs, its smallest image."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from canon.errors import InputError, nearest

PARTS = ("features", "decoder", "head")  # of a network: they hold its stages


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


def require_stage(net: nn.Module, stage: str, parts: Sequence[str] = ("features",)) -> None:
    """Check that a network has a stage.

    Raises:
        InputError: no stage of these parts of the network has that name.
    """
    names = stage_names(net, parts)
    if stage not in names:
        raise InputError(
            f"no stage is named {stage!r}.{nearest(stage, names)} "
            f"Its stages are {', '.join(names)}."
        )


def stage_names(net: nn.Module, parts: Sequence[str] = PARTS) -> list[str]:
    """The names of the stages of these parts of a network, in order."""
    return [name for name, _ in _stages(net, parts)]


def stage_named(net: nn.Module, stage: str) -> nn.Module:
    """The stage of that name, of the features, the decoder or the head.

    Raises:
        InputError: no stage has that name.
    """
    require_stage(net, stage, PARTS)
    return next(module for name, module in _stages(net, PARTS) if name == stage)


def _stages(net: nn.Module, parts: Sequence[str]) -> Iterator[tuple[str, nn.Module]]:
    children = dict(staged(net).named_children())
    for part in parts:
        if part in children:
            yield from children[part].named_children()


def staged(net: nn.Module) -> nn.Module:
    """The network that has the stages: itself, or what it wraps as `net` or `code`.

    Raises:
        InputError: there is none.
    """
    while "features" not in (children := dict(net.named_children())):
        inner = children.get("net", children.get("code"))
        if inner is None:
            raise InputError(
                f"{type(net).__name__} has no part named features, which holds the stages; "
                "expected a network of Canon. Pass another network."
            )
        net = inner
    return net


def features_of(net: nn.Module) -> nn.Sequential:
    """The stages of a network before its head or decoder."""
    features = staged(net).get_submodule("features")
    assert isinstance(features, nn.Sequential)
    return features


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
