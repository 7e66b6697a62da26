"""`canon app`: a local page to change networks, to show them images, and to compare them."""

import webbrowser
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import tyro

from canon.cli.console import progress_bars
from canon.cli.flags import Switch, flag
from canon.errors import InputError

if TYPE_CHECKING:
    from canon.runs.folder import Run


@dataclass(frozen=True)
class Command:
    """Serve a page on this machine: networks and their layers, images, comparisons.

    Change the input size of a network and kernel, stride and padding of any convolution or pooling
    with a square window: sizes, cost and receptive field follow, and an illegal change is
    explained. Drop an image, and see its classes, feature maps, Grad-CAM and neighbours. Without a
    run, a small network is trained on the built-in digits first.

    The address that is printed has a token; without it, the page answers nobody. Files are deleted
    as soon as they are shown. Needs the extra app.

    Args:
        run: a run folder; without one, a small network is trained in seconds.
        port: to serve on; 0 takes a free one.
        host: address to serve on; only this machine reaches 127.0.0.1.
        open: open the page in the browser.
    """

    run: tyro.conf.Positional[Path | None] = None
    port: Annotated[int, flag("PORT", "8765")] = 8765
    host: Annotated[str, flag("ADDRESS", "127.0.0.1")] = "127.0.0.1"
    open: Switch = False


def run(command: Command) -> int:
    """Serve until interrupted."""
    missing = [name for name in ("starlette", "uvicorn", "python_multipart") if not find_spec(name)]
    if missing:
        raise InputError(
            f"{missing[0]} is not installed; expected it for the page. Run pip install "
            "'canon-nets[app]'."
        )
    from canon.app import server, subject

    c = command
    sock, token = server.listen(c.host, c.port), server.new_token()  # before anything is trained
    try:
        with TemporaryDirectory() as folder:
            found = subject.run_of_images(c.run) if c.run else _demo(Path(folder))
            first = {"first": found.model} if c.run else {}
            app = server.application(found, token, c.host, **first)
            address = server.address(sock, token)
            print(f"open {address}\nCtrl-C ends it.", flush=True)
            if c.open:
                webbrowser.open(address)
            server.serve(app, sock)
    finally:
        sock.close()
    return 0


def _demo(folder: Path) -> "Run":
    from canon.app.subject import DEMO, demo

    print(f"no run is given: training {DEMO.model} on the built-in digits", flush=True)
    with progress_bars() as bars:
        return demo(folder, lambda done, total: bars.at("training", done, total))
