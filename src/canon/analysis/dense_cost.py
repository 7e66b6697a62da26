"""The cost of a classifier on a larger image: as one network, and on each crop by itself."""

from dataclasses import dataclass

import torch

from canon.analysis.description import Description
from canon.analysis.layer_table import build_on_meta, describe
from canon.errors import InputError
from canon.layers.fully_convolutional import fully_convolutional
from canon.registry import model_info


@dataclass(frozen=True)
class DenseCost:
    """A classifier made fully convolutional, on one larger image.

    Args:
        native: side of the image that one score covers, pixels.
        jump: between the images of neighbouring scores, pixels.
        scores: height and width of the map of scores.
        crop_macs: multiply-accumulates of the classifier on one native image.
        table: the layers of the fully convolutional network on the larger image.
    """

    native: int
    jump: int
    scores: tuple[int, int]
    crop_macs: int
    table: Description

    @property
    def crops_macs(self) -> int:
        """Multiply-accumulates of the classifier on one crop for each score."""
        return self.scores[0] * self.scores[1] * self.crop_macs


def dense_cost(
    model: str,
    size: int,
    *,
    image: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
) -> DenseCost:
    """The layer table of a classifier on a larger image, as a fully convolutional network.

    Args:
        model: a registered classifier.
        size: side of the larger image in pixels.
        image: native side in pixels; None means the paper's.
        channels: of the input; None means the paper's.
        classes: of the output; None means the paper's.

    Raises:
        InputError: no classifier of that name, one whose head does not allow it, or an image that
            is smaller than the native one.
    """
    info = model_info(model)
    if info.task != "classify" or info.dense:
        raise InputError(
            f"{model} is not a classifier, so that it has no scores of a whole image; expected one "
            "such as vgg16. Choose another network."
        )
    native = image or info.published.image
    if size < native:
        raise InputError(
            f"--fully-convolutional is {size}, but one score covers {native} pixels; expected "
            f"{native} or more. Pass --fully-convolutional {2 * native}."
        )
    net, _, channels = build_on_meta(model, native, channels, classes)
    with torch.device("meta"):
        dense = fully_convolutional(net, native)
    before = describe(net, native, channels=channels)
    table = describe(dense, size, channels=channels)
    (_, height, width), field = list(table.ends.values())[-1]  # of the map of scores
    jump = round(table.seen(field)[1][0])
    return DenseCost(native, jump, (height, width), before.macs, table)
