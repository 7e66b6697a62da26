"""The application: its routes, and serving it on this machine."""

import secrets
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from canon.app import compare_page, network_page
from canon.app.access import TOKEN, Guard
from canon.app.image_page import ImagePages
from canon.app.subject import Subjects
from canon.errors import InputError
from canon.runs.folder import Run

STATIC = Path(__file__).parent / "static"
EVERY = ("0.0.0.0", "::")  # addresses that mean all of this machine's
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def application(
    run: Run, token: str, host: str = "127.0.0.1", first: str = network_page.FIRST
) -> Starlette:
    """The page of a run.

    Args:
        run: whose network images are shown to.
        token: a secret that every request must have.
        host: that it is served on. Requests to other names are refused, unless it means every
            address.
        first: the network that is shown first.
    """
    images = ImagePages(Subjects(run))
    routes = [
        Route("/", network_page.whole),
        Route("/network", network_page.fragment),
        Route("/network/layer", network_page.layer),
        Route("/network/effect", network_page.effect),
        Route("/drawing.svg", network_page.network_drawing),
        Route("/window.svg", network_page.window_drawing),
        Route("/compare", compare_page.whole),
        Route("/compare/table", compare_page.fragment),
        Route("/image", images.whole),
        Route("/image/explain", images.explain, methods=["POST"]),
        Route("/image/numbers", images.numbers, methods=["POST"]),
        Route("/image/neighbours", images.neighbours, methods=["POST"]),
        Route("/image/patches", images.patches, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    hosts = ["*"] if host in EVERY else [*LOOPBACK, host]
    app = Starlette(routes=routes, middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        Middleware(Guard, token=token),
    ])  # fmt: skip
    app.state.first = first
    return app


def listen(host: str, port: int) -> socket.socket:
    """A socket on an address; port 0 takes a free one.

    Raises:
        InputError: the port is in use, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen()
    except OSError as reason:
        sock.close()
        raise InputError(
            f"{host}:{port} cannot be used ({reason.strerror}); expected a free port of this "
            "machine. Pass another --port, or --port 0 for any free one."
        ) from None
    except OverflowError:
        sock.close()
        raise InputError(f"--port is {port}; expected 0 to 65535. Pass another --port.") from None
    return sock


def serve(app: Starlette, sock: socket.socket) -> None:
    """Serve until interrupted."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off",
                            server_header=False)  # fmt: skip
    uvicorn.Server(config).run([sock])


def new_token() -> str:
    """A secret for one session."""
    return secrets.token_urlsafe(24)


def address(sock: socket.socket, token: str) -> str:
    """What to open in a browser."""
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/?{TOKEN}={token}"
