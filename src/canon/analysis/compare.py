"""Compare networks: cost, receptive field, and published or measured error."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from canon.analysis.layer_table import describe
from canon.models import model_info
from canon.published import Errors


@dataclass(frozen=True)
class NetworkSummary:
    """One network of a comparison.

    Args:
        name: of the network, or of a run.
        paper: first author and year.
        image: side of the input, pixels.
        layers: convolutions and linear layers, on all paths.
        counted: layers as the paper counts them; None if it does not.
        params: trainable parameters.
        macs: multiply-accumulates for one image.
        activation_bytes: of all outputs in float32, for one image.
        field: side of the receptive field of the last map, pixels; None for the whole image.
        top1: top-1 error, a fraction in [0, 1]; None if unknown.
        top5: top-5 error, a fraction in [0, 1]; None if unknown.
        where: benchmark, split and protocol of the errors, or the dataset and split of a run.
        benchmark: the images of the errors; networks of equal benchmarks are comparable.
        result: the headline metric of a run, such as "mean IoU 78.53 %".
    """

    name: str
    paper: str
    image: int
    layers: int
    counted: int | None
    params: int
    macs: int
    activation_bytes: int
    field: int | None
    top1: float | None
    top5: float | None
    where: str
    benchmark: str = ""
    result: str = ""


def summarize(
    model: str,
    *,
    name: str | None = None,
    image: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    errors: tuple[float | None, float | None, str] | None = None,
    result: str = "",
    **more: Any,
) -> NetworkSummary:
    """The cost of a network and its error.

    Args:
        model: a registered name.
        name: to display; None means the registered name.
        image: side of the input in pixels; None means the paper's.
        channels: of the input; None means the paper's.
        classes: of the output; None means the paper's.
        errors: measured top-1 and top-5 error, and the dataset; None means the published errors.
        result: the headline metric of a run.
        more: further options of the network, such as the `width` of `unet-same`.
    """
    info = model_info(model)
    table = describe(model, image, channels=channels, classes=classes, **more)
    published = info.published.errors or Errors(None, None, "")
    top1, top5, where = errors or (published.top1, published.top5, published.where)
    benchmark = where if errors else published.benchmark
    paper = f"{info.paper.authors.split(',')[0]} {info.paper.year}"
    field = None if table.field.whole else max(table.seen(table.field)[0])
    return NetworkSummary(
        name or model, paper, table.input[-1], table.depth, info.published.layers,
        table.params, table.macs,
        table.activation_bytes, field, top1, top5, where, benchmark, result,
    )  # fmt: skip


def by_benchmark(rows: Iterable[NetworkSummary]) -> dict[str, list[NetworkSummary]]:
    """Networks with errors, grouped by benchmark: each group fits into one chart."""
    groups: dict[str, list[NetworkSummary]] = {}
    for row in rows:
        if row.top1 is not None or row.top5 is not None:
            groups.setdefault(row.benchmark, []).append(row)
    return groups
