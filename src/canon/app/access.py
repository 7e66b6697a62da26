"""Who may use the page: the owner of a token; and how much may be sent."""

import hmac
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"  # the name of the query's field
LIMIT = 20 * 2**20  # bytes of a request
HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data:; "
     b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class RequestTooLargeError(Exception):
    """A body of more than `LIMIT` bytes."""


class Guard:
    """Middleware: refuses requests without the token, and bodies that are too large.

    The address that the program prints has the token; it is exchanged for a cookie, so that it
    does not stay in the address bar. Cookies of one machine go to all its ports, so the name of
    this one has the port.

    Args:
        app: what is guarded.
        token: a secret of this session.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        cookie = f"canon-token-{(scope.get('server') or ('', 0))[1]}"
        given = parse_qs(scope["query_string"].decode("latin-1")).get(TOKEN, [""])[0]
        if self._right(given):
            response = RedirectResponse(scope["path"], status_code=303)
            response.set_cookie(cookie, self.token, httponly=True, samesite="strict")
            await response(scope, receive, with_headers)
        elif self._right(Request(scope).cookies.get(cookie, "")):
            await self._limited(scope, receive, with_headers)
        else:
            refusal = "The token is missing or wrong. Open the address that canon app printed."
            await PlainTextResponse(refusal, 403)(scope, receive, with_headers)

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the body is too large."""
        too_large = PlainTextResponse(
            f"The file is too large; expected at most {LIMIT // 2**20} MB. Choose a smaller one.",
            413,
        )
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > LIMIT:
            await too_large(scope, receive, send)
            return
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LIMIT:
                raise RequestTooLargeError
            return message

        try:
            await self.app(scope, counting, send)
        except RequestTooLargeError:
            await too_large(scope, receive, send)
