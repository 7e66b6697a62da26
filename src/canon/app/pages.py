"""Templates of the page, and how errors become sentences."""

from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from threading import Lock
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from canon.errors import CanonError
from canon.utils.tables import short_count

PAGES = Environment(
    loader=PackageLoader("canon.app", "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
# Networks are hooked and traced, which changes torch for all threads: one request at a time.
COMPUTING = Lock()
Endpoint = Callable[[Request], Response]


def page(name: str, **values: Any) -> HTMLResponse:
    """A template as a response."""
    return HTMLResponse(PAGES.get_template(f"{name}.html.j2").render(**values))


def refusal(reason: str, code: int = 422) -> HTMLResponse:
    """A sentence on what is wrong, in place of a fragment."""
    return HTMLResponse(PAGES.get_template("_error.html.j2").render(reason=reason), code)


def errors_as_sentences(endpoint: Endpoint) -> Endpoint:
    """An endpoint that computes alone, and whose expected errors become sentences."""

    @wraps(endpoint)
    def guarded(request: Request) -> Response:
        try:
            with COMPUTING:
                return endpoint(request)
        except CanonError as reason:
            return refusal(str(reason))

    return guarded


def png(pixels: NDArray[np.uint8]) -> str:
    """A picture (H, W, 3) as the address of an <img>."""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


PAGES.filters["million"] = lambda number: short_count(number, words=True)
PAGES.filters["png"] = png
PAGES.filters["percent"] = lambda share: f"{100 * share:.1f} %"
