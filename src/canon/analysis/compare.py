"""Networks side by side: cost, receptive field, and published or measured error."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from canon.analysis.layer_table import describe
from canon.models import model_info


@dataclass(frozen=True)
class NetworkSummary:
    """One network of a comparison.

    Args:
        name: of the network, or of a run.
        paper: first author and year.
        image: side of the input, pixels.
        layers: convolutions and linear layers.
        params: trainable numbers.
        macs: multiply-accumulates for one image.
        activation_bytes: of all outputs in float32, for one image.
        field: side of the receptive field of the last map, pixels; None where it is everything.
        top1: error, a fraction in [0, 1]; None where nothing is published.
        top5: likewise.
        where: what the errors were measured on.
        iou: mean intersection over union, a fraction in [0, 1], where each pixel has a class.
    """

    name: str
    paper: str
    image: int
    layers: int
    params: int
    macs: int
    activation_bytes: int
    field: int | None
    top1: float | None
    top5: float | None
    where: str
    iou: float | None = None


def summarize(
    model: str,
    *,
    name: str | None = None,
    image: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    errors: tuple[float | None, float | None, str] | None = None,
    iou: float | None = None,
    **more: Any,
) -> NetworkSummary:
    """The cost of a network and its error.

    Args:
        model: a registered name.
        name: what to call it; None means the same.
        image: side of the input in pixels; None means the paper's.
        channels: of the input; None means the paper's.
        classes: of the output; None means the paper's.
        errors: measured top-1, top-5 and on what; None means the published ones.
        iou: measured mean intersection over union, where each pixel has a class.
        more: what the name leaves open, such as the `width` of `unet-same`.
    """
    known = model_info(model)
    table = describe(model, image, channels=channels, classes=classes, **more)
    published = known.published.errors
    told = (published.top1, published.top5, published.where) if published else (None, None, "")
    top1, top5, where = errors or told
    paper = f"{known.paper.authors.split(',')[0]} {known.paper.year}"
    field = None if table.field.whole else max(table.seen(table.field)[0])
    return NetworkSummary(
        name or model, paper, table.input[-1], table.depth, table.params, table.macs,
        table.activation_bytes, field, top1, top5, where, iou,
    )  # fmt: skip


def by_benchmark(rows: Iterable[NetworkSummary]) -> dict[str, list[NetworkSummary]]:
    """Networks whose errors may stand in one picture: those measured on the same images."""
    scales: dict[str, list[NetworkSummary]] = {}
    for row in rows:
        if row.top1 is None and row.top5 is None:
            continue
        scale = next((s for s in ("ILSVRC", "CIFAR-10", "MNIST") if s in row.where), row.where)
        scales.setdefault(scale, []).append(row)
    return scales
