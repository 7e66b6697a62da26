"""Ctrl-C: the first one stops at the next step, the second one at once."""

import shlex
import signal
import sys
from pathlib import Path
from typing import Any


class Interrupt:
    """Set by the first Ctrl-C; the second one interrupts at once."""

    def __init__(self) -> None:
        self.requested = False
        self.folder: Path | None = None
        for number in (signal.SIGINT, signal.SIGTERM):  # schedulers send the second
            signal.signal(number, self._request)

    def _request(self, *_: Any) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def advice(self, out: Path | None) -> str:
        """How to resume; `out` is the run folder, if it was given."""
        if self.folder is None:
            return "interrupted before training started"
        words = [word for word in sys.argv[1:] if word != "--resume"]
        folder = [] if out else ["--out", str(self.folder)]
        return f"interrupted; resume with: {shlex.join(['canon', *words, *folder, '--resume'])}"
