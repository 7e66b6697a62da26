"""The page of a network: its drawing, its layers, and what a change of one of them does."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from canon.analysis.convolution import Window
from canon.analysis.description import Description, sides
from canon.analysis.drawing.svg import draw
from canon.analysis.window_drawing import drawing
from canon.app.layer_change import (
    Change,
    Effect,
    changeable,
    effect_of,
    published_effect,
    published_window,
)
from canon.app.pages import errors_as_sentences, page
from canon.errors import InputError
from canon.models import model_info, names

LARGEST = 1024  # side of the input in pixels
FIRST = "alexnet"  # the network that is shown first
NUMBERS = ("kernel", "stride", "padding")


def whole_number(name: str, text: str) -> int:
    """A whole number that was entered.

    Raises:
        InputError: it is none.
    """
    if not re.fullmatch(r"-?[0-9]{1,6}", text.strip()):
        raise InputError(f"{name} is {text[:20]!r}; expected a whole number. Enter another one.")
    return int(text)


def _number(request: Request, name: str) -> int | None:
    """A whole number of the query; None if it has none."""
    text = request.query_params.get(name, "")
    return whole_number(name, text) if text.strip() else None


def _image(request: Request, name: str = "image") -> int | None:
    """The input side that was chosen; None means the paper's."""
    side = _number(request, name)
    if side is not None and not 1 <= side <= LARGEST:
        raise InputError(
            f"the input side is {side}; expected 1 to {LARGEST} pixels. Enter another one."
        )
    return side


def _model(request: Request) -> str:
    model = request.query_params.get("model", request.app.state.first).strip()
    model_info(model)  # refuses an unknown name
    return model


@errors_as_sentences
def whole(request: Request) -> Response:
    """The page; a browser that runs no script sends the form here too."""
    shown = _body(_model(request), _image(request))
    return page("network", names=names(), active="network", **shown)


@errors_as_sentences
def fragment(request: Request) -> Response:
    """All of a network, without the rest of the page."""
    return page("_network", **_body(_model(request), _image(request)))


def _body(model: str, image: int | None) -> dict[str, Any]:
    """What the templates show of a network."""
    layers = changeable(model, image)
    change = published_window(model, image, layers[0]) if layers else None
    more = {
        "info": model_info(model),
        "layers": layers,
        "largest": LARGEST,
        "focus": "",
        "announced": False,
    }
    return more | _effect(model, image, change)


@errors_as_sentences
def layer(request: Request) -> Response:
    """The controls of a layer, as published or with the numbers of the query, and their effect."""
    model, image = _model(request), _image(request)
    name = request.query_params.get("layer", "")
    own = published_window(model, image, name)
    given = {key: _number(request, key) for key in NUMBERS}
    change = Change(name, *(getattr(own, k) if n is None else n for k, n in given.items()))
    return page("_layer", layers=changeable(model, image), announced=True,
                focus=request.query_params.get("focus", ""),
                **_effect(model, image, change))  # fmt: skip


@errors_as_sentences
def effect(request: Request) -> Response:
    """What the numbers of the query do to the layer and to the network."""
    model, image = _model(request), _image(request)
    kernel, stride, padding = (_number(request, key) for key in NUMBERS)
    if kernel is None or stride is None or padding is None:
        raise InputError("kernel, stride or padding is missing; expected all three. Enter them.")
    change = Change(request.query_params.get("layer", ""), kernel, stride, padding)
    return page("_effect", announced=True, **_effect(model, image, change))


def _effect(model: str, image: int | None, change: Change | None) -> dict[str, Any]:
    """What the templates show of a change."""
    found = published_effect(model, image) if change is None else effect_of(model, image, change)
    window = found.window
    legal = {}
    if window is not None and not window.legal and not found.rounded_up:
        legal = {"stride": window.legal_strides(), "padding": window.legal_paddings()}
    return {
        "model": model, "image": image or "", "change": change, "found": found, "window": window,
        "totals": _totals(found), "sides": sides, "legal": legal,
        "formula": window.formula(window.size[0]) if window else "",
        "forms": [window.form, *window.other_forms()] if window and window.form.macs else [],
        "window_query": _query(window) if window else "",
    }  # fmt: skip


def _totals(found: Effect) -> list[tuple[str, str, str]]:
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


@errors_as_sentences
def network_drawing(request: Request) -> Response:
    """The drawing of one network, or of two."""
    models = request.query_params.getlist("model")[:2] or [request.app.state.first]
    for model in models:
        model_info(model)  # refuses an unknown name
    return _svg(draw(*models, image=_image(request)))


@errors_as_sentences
def window_drawing(request: Request) -> Response:
    """The drawing of a window along a side."""
    size = _image(request, "size") or 7
    change = Change("", *(_number(request, key) or default
                          for key, default in zip(NUMBERS, (3, 1, 0), strict=True)))  # fmt: skip
    window = Window((size, size), 1, change.kernel, 1, change.stride, change.padding)
    return _svg(drawing(window))
