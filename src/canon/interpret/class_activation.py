"""Class activation maps: CAM, Grad-CAM and LayerCAM."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from canon.analysis import describe
from canon.analysis.intervals import ReceptiveField
from canon.errors import InputError
from canon.interpret.outputs import Score, explained, last_maps, recorded
from canon.layers.stages import eval_mode, features_of, stage_named, staged
from canon.types import Images


def _maps_and_gradients(
    net: nn.Module, x: Images, score: Score, stage: str | None
) -> tuple[Tensor, Tensor]:
    """The maps of a stage, and the gradients of the scores with respect to them.

    Raises:
        InputError: there is no such stage, or it has no maps.
    """
    name = stage or last_maps(net, x)
    with explained(net), recorded(stage_named(net, name)) as outputs:
        scores = score(net(x.detach().requires_grad_()))
        maps = outputs[-1]
        if maps.dim() != 4:
            raise InputError(
                f"stage {name} has no maps, but {maps[0].numel()} values; expected a stage with "
                f"maps. Pass --stage {last_maps(net, x)}."
            )
        if not scores.requires_grad:
            raise InputError(
                "the answer is that of the nearest known images, which has no gradient; expected "
                "a network with scores. Pass --method feature-maps."
            )
        gradients = torch.autograd.grad(scores.sum(), maps)[0]
    return maps.detach(), gradients


def grad_cam(net: nn.Module, x: Images, score: Score, stage: str | None = None) -> Tensor:
    """Where a stage speaks for the score: Grad-CAM, at the resolution of the stage.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", ICCV 2017, equations 1 and 2: maps are weighted by their mean gradient, summed
    and rectified.

    Args:
        net: the network; its modes are restored.
        x: (N, C, H, W) images.
        score: what is explained, such as `class_score`.
        stage: by name; None means the last stage of the features with maps.

    Returns:
        (N, h, w), not negative.

    Raises:
        InputError: there is no such stage, or it has no maps.
    """
    maps, gradients = _maps_and_gradients(net, x, score, stage)
    return (gradients.mean((2, 3), keepdim=True) * maps).sum(1).relu()


def layer_cam(net: nn.Module, x: Images, score: Score, stage: str | None = None) -> Tensor:
    """The same, with a weight for each position: LayerCAM, for early stages too.

    Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE
    Transactions on Image Processing 30, 2021, equations 6 to 8: each value is weighted by its own
    rectified gradient. Arguments, result and errors are those of `grad_cam`.
    """
    maps, gradients = _maps_and_gradients(net, x, score, stage)
    return (gradients.relu() * maps).sum(1).relu()


def cam(net: nn.Module, x: Images, target: Tensor) -> Tensor:
    """Class activation maps of a network that averages its last maps before one linear layer.

    Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, equation 2.

    Args:
        net: the network.
        x: (N, C, H, W) images.
        target: (N,) int64 classes.

    Returns:
        (N, h, w). Their mean and the bias give the logit.

    Raises:
        InputError: the network ends otherwise.
    """
    head = dict(dict(net.named_children()).get("head", nn.Identity()).named_children())
    fc = head.get("fc")
    averaged = isinstance(head.get("pool"), nn.AdaptiveAvgPool2d) and isinstance(fc, nn.Linear)
    if not averaged or set(head) - {"pool", "flatten", "drop", "fc"}:
        raise InputError(
            "CAM needs a network that averages its last maps before one linear layer, such as "
            "resnet18. Pass --method grad-cam."
        )
    assert isinstance(fc, nn.Linear)
    with eval_mode(net):
        maps = features_of(net)(x)
        return torch.einsum("nchw,nc->nhw", maps, fc.weight[target])


def field_of(net: nn.Module, stage: str, size: tuple[int, int], channels: int) -> ReceptiveField:
    """The receptive field of the maps of a stage, for `enlarged`.

    Args:
        net: the network.
        stage: by name.
        size: H and W of the images in pixels.
        channels: of the images.
    """
    return describe(staged(net), size, channels=channels).ends[stage][1]


def enlarged(maps: Tensor, size: tuple[int, int], field: ReceptiveField) -> Tensor:
    """Maps at the size of the images: each value lies at the centre of its receptive field.

    Between the centres values are interpolated bilinearly; outside, the nearest one is repeated.
    Stretching maps to the image would misplace them where padding makes them larger than the image,
    as in `fcn32s`.

    Args:
        maps: (N, h, w).
        size: H and W in pixels.
        field: the receptive field of the maps.

    Returns:
        (N, H, W).
    """
    axes = []
    for side, count, along in zip(size, maps.shape[1:], (field.height, field.width), strict=True):
        pixels = torch.arange(side, dtype=torch.float32, device=maps.device)
        places = (pixels - along.offset) / along.jump  # in the map
        axes.append((2 * places + 1) / count - 1)
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    grid = torch.stack([columns, rows], 2).expand(len(maps), -1, -1, -1)
    found = F.grid_sample(
        maps[:, None], grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return found[:, 0]
