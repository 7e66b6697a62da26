"""Who may use the page: the owner of a token, from this machine; and how much may be sent."""

import hmac
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE, TOKEN = "canon-token", "token"
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
    does not stay in the address bar.

    Args:
        app: what is guarded.
        token: a secret of this session.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = parse_qs(scope["query_string"].decode("latin-1")).get(TOKEN, [""])[0]
        if self._right(given):
            response = RedirectResponse(scope["path"], status_code=303)
            response.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
            await response(scope, receive, send)
            return
        if not self._right(_cookie(headers)):
            refusal = "The token is missing or wrong. Open the address that canon app printed."
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return
        await self._limited(scope, receive, send, headers)

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    async def _limited(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        declared = headers.get("content-length", "0")
        too_large = PlainTextResponse(_too_large(), 413)
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

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        try:
            await self.app(scope, counting, with_headers)
        except RequestTooLargeError:
            await too_large(scope, receive, send)


def _too_large() -> str:
    return f"The file is too large; expected at most {LIMIT // 2**20} MB. Choose a smaller one."


def _cookie(headers: Headers) -> str:
    jar = SimpleCookie(headers.get("cookie", ""))
    return jar[COOKIE].value if COOKIE in jar else ""
