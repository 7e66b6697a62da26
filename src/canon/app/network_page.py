"""The page of a network: its drawing, its layers, and what a change of one of them does."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from canon.analysis.convolution import Window
from canon.analysis.description import Description, sides
from canon.analysis.drawing.svg import draw
from canon.analysis.window_drawing import drawing
from canon.app.altered import Altered, Change, altered, changeable, unchanged
from canon.app.pages import kind, page
from canon.errors import InputError
from canon.models import model_info, names

LARGEST = 1024  # side of the input in pixels
FIRST = "alexnet"  # the network that is shown first


def number(request: Request, name: str, default: int | None = None) -> int | None:
    """A whole number of the query.

    Raises:
        InputError: it is none.
    """
    text = request.query_params.get(name, "").strip()
    if not text:
        return default
    if not text.lstrip("-").isdigit():
        raise InputError(f"{name} is {text!r}; expected a whole number. Enter another one.")
    return int(text)


def _image(request: Request) -> int | None:
    side = number(request, "image")
    if side is not None and not 1 <= side <= LARGEST:
        raise InputError(
            f"the input side is {side}; expected 1 to {LARGEST} pixels. Enter another one."
        )
    return side


def _model(request: Request) -> str:
    model = request.query_params.get("model", FIRST).strip()
    model_info(model)  # refuses an unknown name
    return model


@kind
def whole(request: Request) -> Response:
    """The page."""
    model = request.query_params.get("model", FIRST)
    return page("network", names=names(), active="network", **body(model, None))


@kind
def fragment(request: Request) -> Response:
    """All of a network, without the rest of the page."""
    return page("_network", **body(_model(request), _image(request)))


def body(model: str, image: int | None) -> dict[str, Any]:
    """What the templates show of a network."""
    info, layers = model_info(model), changeable(model, image)
    change = unchanged(model, image, layers[0]) if layers else None
    found = altered(model, image)
    return {
        "model": model, "info": info, "image": image or found.before.input[-1],
        "printed": info.published.image, "layers": layers, "change": change,
        "largest": LARGEST, **_effect(model, image, found, change),
    }  # fmt: skip


@kind
def layer(request: Request) -> Response:
    """The controls of a layer, as published or with the numbers of the query, and their effect."""
    model, image = _model(request), _image(request)
    name = request.query_params.get("layer", "")
    own = unchanged(model, image, name)
    change = Change(name, *(number(request, key, getattr(own, key)) or 0
                            for key in ("kernel", "stride", "padding")))  # fmt: skip
    found = altered(model, image, change)
    shown = {"model": model, "image": image or found.before.input[-1], "change": change}
    return page("_layer", layers=changeable(model, image), **shown,
                **_effect(model, image, found, change))  # fmt: skip


@kind
def effect(request: Request) -> Response:
    """What the numbers of the query do to the layer and to the network."""
    model, image = _model(request), _image(request)
    name = request.query_params.get("layer", "")
    kernel, stride, padding = (number(request, key) for key in ("kernel", "stride", "padding"))
    if kernel is None or stride is None or padding is None:
        raise InputError("kernel, stride or padding is missing; expected all three. Enter them.")
    change = Change(name, kernel, stride, padding)
    found = altered(model, image, change)
    return page("_effect", **_effect(model, image, found, change), change=change, model=model,
                image=image or found.before.input[-1])  # fmt: skip


def _effect(model: str, image: int | None, found: Altered, change: Change | None) -> dict[str, Any]:
    """What the templates show of a change."""
    if found.window is None and change is not None:
        found = altered(model, image, change)
    window = found.window
    return {
        "found": found, "window": window, "totals": _totals(found), "sides": sides,
        "formula": window.formula(window.size[0]) if window else "",
        "legal": _legal(window) if window and not window.legal else {},
        "forms": [window.form, *window.other_forms()] if window and window.form.macs else [],
        "window_query": _query(window) if window else "",
    }  # fmt: skip


def _legal(window: Window) -> dict[str, list[int]]:
    return {"stride": window.legal_strides(), "padding": window.legal_paddings()}


def _totals(found: Altered) -> list[tuple[str, str, str]]:
    """Name, value as published, and after the change; empty where it is the same."""
    rows = []
    for name, of in (("parameters", lambda t: f"{t.params:,}"),
                     ("multiplications", lambda t: f"{t.macs:,}"),
                     ("receptive field", _field)):  # fmt: skip
        before = of(found.before)
        after = of(found.after) if found.after else ""
        rows.append((name, before, "" if after == before else after))
    return rows


def _field(table: Description) -> str:
    size = table.seen(table.field)[0]
    return "the whole image" if table.field.whole else f"{sides(size)} pixels"


def _query(window: Window) -> str:
    """The query of the drawing of a window."""
    values = {"size": window.size[1], "kernel": window.kernel, "stride": window.stride,
              "padding": window.border}  # fmt: skip
    return "&".join(f"{key}={value}" for key, value in values.items())


def _svg(text: str) -> Response:
    return Response(text, media_type="image/svg+xml")


@kind
def network_drawing(request: Request) -> Response:
    """The drawing of one network, or of two."""
    models = [name for name in request.query_params.getlist("model") if name]
    for model in models:
        model_info(model)
    return _svg(draw(*models, image=_image(request)))


@kind
def window_drawing(request: Request) -> Response:
    """The drawing of a window along a side."""
    size, kernel, stride, padding = (
        number(request, key, default) or 0
        for key, default in (("size", 7), ("kernel", 3), ("stride", 1), ("padding", 0))
    )
    return _svg(drawing(Window((size, size), 1, kernel, 1, stride, padding)))
