"""The page of two networks: their numbers and drawings."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from canon.analysis import NetworkSummary, summarize
from canon.app.pages import errors_as_sentences, page
from canon.models import model_info, names
from canon.utils.tables import format_value

FIRST, SECOND = "vgg16", "resnet34"


@errors_as_sentences
def whole(request: Request) -> Response:
    """The page; a browser that runs no script sends the form here too."""
    return page("compare", names=names(), active="compare", **_body(*_chosen(request)))


@errors_as_sentences
def fragment(request: Request) -> Response:
    """The comparison, without the rest of the page."""
    return page("_compare", **_body(*_chosen(request)))


def _chosen(request: Request) -> tuple[str, str]:
    query = request.query_params
    return query.get("first", FIRST).strip(), query.get("second", SECOND).strip()


def _body(first: str, second: str) -> dict[str, Any]:
    for model in (first, second):
        model_info(model)  # refuses an unknown name
    a, b = summarize(first), summarize(second)
    return {"first": a, "second": b, "rows": _rows(a, b)}


def _rows(a: NetworkSummary, b: NetworkSummary) -> list[tuple[str, str, str, str]]:
    """Name, both values, and the second over the first."""

    def times(x: float, y: float) -> str:
        if not x:
            return ""
        return f"x {y / x:,.0f}" if y > 100 * x else f"x {y / x:.3g}"

    return [
        ("paper", a.paper, b.paper, ""),
        ("printed depth", str(a.counted or ""), str(b.counted or ""), ""),
        ("input side, pixels", str(a.image), str(b.image), ""),
        ("parameters", f"{a.params:,}", f"{b.params:,}", times(a.params, b.params)),
        ("multiplications", f"{a.macs:,}", f"{b.macs:,}", times(a.macs, b.macs)),
        ("receptive field, pixels", _or_whole(a.field), _or_whole(b.field), ""),
        ("top-1 error", format_value(a.top1, "fraction"), format_value(b.top1, "fraction"), ""),
        ("top-5 error", format_value(a.top5, "fraction"), format_value(b.top5, "fraction"), ""),
        ("measured on", a.where, b.where, ""),
    ]  # fmt: skip


def _or_whole(field: int | None) -> str:
    return "whole image" if field is None else str(field)
