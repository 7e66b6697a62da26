"""What a network sees in one image: classes, heat map, maps of every stage, mask."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from canon.app.edge import has_convolutions
from canon.app.subject import Subject
from canon.errors import CanonError, InputError
from canon.interpret.class_activation import enlarged, field_of, grad_cam
from canon.interpret.outputs import class_score, last_maps, predicted, recorded, stage_outputs
from canon.interpret.pictures import Bytes, overlaid, strongest_maps
from canon.tasks.segmentation.overlay import class_colors, overlay
from canon.types import Images
from canon.workflows.explain_inputs import inputs

TOP, MAPS, COLUMNS = 5, 16, 8


@dataclass(frozen=True)
class StageMaps:
    """The strongest maps of a stage."""

    name: str
    sheet: Bytes
    channels: int
    shown: int
    size: tuple[int, int]


@dataclass(frozen=True)
class ImageView:
    """An image and what the network makes of it.

    Args:
        image: (H, W, 3) what the network sees.
        top: the likeliest classes and their probabilities; of masks, their shares of the pixels.
        heat: the image under the Grad-CAM of a class; None if there is none.
        target: the class of the heat map.
        stage: whose maps the heat map is made from.
        mask: the image under its mask; None for classifiers.
        colors: of the classes of a mask, by name, as CSS.
        maps: of every stage with maps.
        has_convolutions: whether one of them can be followed number by number.
    """

    image: Bytes
    top: tuple[tuple[str, float], ...] = ()
    heat: Bytes | None = None
    target: str = ""
    stage: str = ""
    mask: Bytes | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    maps: tuple[StageMaps, ...] = ()
    has_convolutions: bool = False


def image_view(subject: Subject, file: Path, stage: str = "", target: str = "") -> ImageView:
    """Show a file to a network.

    Args:
        subject: the network.
        file: the image.
        stage: of the heat map; empty means the last with maps.
        target: the class of the heat map; empty means the predicted one.

    Raises:
        CanonError: an image that cannot be read, no such stage or class.
    """
    model = subject.model
    net = model.net
    image, x = inputs(model, file)
    with recorded(net) as scores:  # in the same pass
        found = {n: y for n, y in stage_outputs(net, x).items() if y.dim() == 4}
    outputs = scores[-1].float()
    maps = tuple(_maps(name, y) for name, y in found.items() if y.shape[-2:].numel() > 1)
    plain = has_convolutions(net)
    if not model.classes or model.task == "reconstruct":
        return ImageView(image, maps=maps, has_convolutions=plain)
    number = _target(subject, outputs, target)
    heat, used = _heat(net, x, image, number, stage)
    view = ImageView(
        image,
        _top(subject, outputs),
        heat,
        _name(subject, int(number)),
        used,
        maps=maps,
        has_convolutions=plain,
    )
    if outputs.dim() == 2:
        return view
    classes = outputs.argmax(1)[0].byte().numpy()
    part = _middle(image, classes.shape)  # of valid convolutions the mask is smaller
    drawn = overlay(part, classes, outputs.shape[1], model.background)
    return replace(view, mask=drawn, colors=_colors(model.classes))


def _name(subject: Subject, number: int) -> str:
    classes = subject.model.classes
    return classes[number] if number < len(classes) else str(number)


def _target(subject: Subject, outputs: Tensor, target: str) -> Tensor:
    if not target:
        return predicted(outputs)
    classes = subject.model.classes
    if target not in classes:
        raise InputError(f"no class is named {target!r}; expected one of the list. Choose another.")
    return torch.tensor([classes.index(target)])


def _heat(
    net: nn.Module, x: Images, image: Bytes, number: Tensor, stage: str
) -> tuple[Bytes | None, str]:
    """The image under its heat map, and the stage; nothing where there are no maps."""
    try:
        used = stage or last_maps(net, x)
        maps = grad_cam(net, x, class_score(number), used)
        size = x.shape[-2], x.shape[-1]
        values = enlarged(maps, size, field_of(net, used, size, x.shape[1]))
    except CanonError:
        if stage:
            raise
        return None, ""
    return overlaid(image, values[0].numpy()), used


def _top(subject: Subject, outputs: Tensor) -> tuple[tuple[str, float], ...]:
    if outputs.dim() == 4:
        counts = torch.bincount(outputs.argmax(1).flatten(), minlength=outputs.shape[1])
        shares = counts / counts.sum()
    else:
        shares = outputs[0].softmax(0)
    best = shares.topk(min(TOP, len(shares)))
    return tuple(
        (_name(subject, i), v)
        for i, v in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    )  # fmt: skip


def _middle(image: Bytes, size: tuple[int, ...]) -> Bytes:
    """The middle of an image (H, W, 3), of a size."""
    top, left = ((n - side) // 2 for n, side in zip(image.shape[:2], size, strict=True))
    return image[top : top + size[0], left : left + size[1]]


def _colors(classes: tuple[str, ...]) -> dict[str, str]:
    return {
        name: "#" + bytes(color).hex()
        for name, color in zip(classes, class_colors(len(classes)), strict=True)
    }


def _maps(name: str, y: Tensor) -> StageMaps:
    values = y[0].float().numpy()
    sheet, channels = strongest_maps(values, MAPS, COLUMNS)
    height, width = values.shape[1:]
    return StageMaps(name, np.ascontiguousarray(sheet), len(values), len(channels), (height, width))
