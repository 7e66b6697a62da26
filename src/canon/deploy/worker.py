"""An engine in a process of its own: it can crash, be timed and be paused without harm to others.

The parent sends one line of JSON for each request and reads one line as the reply; arrays travel
in files.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import psutil

from canon.deploy.streams import open_streams
from canon.errors import CanonError
from canon.utils.huge_pages import use_huge_pages

WARM = 3  # runs before the first that is timed


class EngineError(CanonError):
    """An engine that cannot open or run a network."""


@dataclass(frozen=True)
class Spec:
    """An engine and how it is set.

    Args:
        engine: a format of exported files.
        path: the file.
        threads: of one run.
        streams: runs at a time.
        options: of the engine.
    """

    engine: str
    path: str
    threads: int
    streams: int = 1
    options: dict[str, Any] = field(default_factory=dict)


class Worker:
    """A process with one engine.

    Args:
        spec: of the engine.
        module: that the process runs; it calls `serve`.

    Raises:
        EngineError: the engine cannot open its file, or the process ends.
    """

    def __init__(self, spec: Spec, module: str = "canon.deploy.worker") -> None:
        environment = os.environ | {
            "OMP_NUM_THREADS": str(spec.threads), "MKL_NUM_THREADS": str(spec.threads),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        self.ask({"do": "open"} | asdict(spec))

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to a request.

        Raises:
            EngineError: the engine reports an error, or the process has ended.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise EngineError(f"the engine crashed ({_ending(self.process.wait())})")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise EngineError(reply["error"])
        return reply

    def run(self, x: Path, y: Path) -> None:
        """Compute the outputs of an array in a .npy file into an .npz file."""
        self.ask({"do": "run", "input": str(x), "output": str(y)})

    def time(self, x: Path, seconds: float, batches: int = 1) -> list[float]:
        """Seconds of each run, for so long."""
        times = self.ask({"do": "time", "input": str(x), "seconds": seconds, "least": batches})
        return list(times["times"])

    def settle(self, x: Path) -> None:
        """Run until all memory is allocated, and move it to huge pages."""
        self.time(x, 0.0, WARM)
        self.ask({"do": "settle"})

    def memory(self) -> int:
        """The most bytes that the process has taken."""
        return int(self.ask({"do": "memory"})["bytes"])

    def pause(self) -> None:
        """Stop the process: threads of an engine may wait actively after a run."""
        psutil.Process(self.process.pid).suspend()

    def resume(self) -> None:
        """Let the process run again."""
        psutil.Process(self.process.pid).resume()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _ending(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"
    except ValueError:
        return f"exit status {code}"


def serve() -> None:
    """Reply to requests until the input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what engines print must not be taken for a reply
    engine: Any = None
    arrays: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply: dict[str, Any] = {}
            if request["do"] == "open":
                engine = _open(request)
            elif request["do"] == "memory":
                reply = {"bytes": _peak()}
            elif request["do"] == "settle":
                reply = {"bytes": use_huge_pages()}
            else:
                if request["input"] not in arrays:
                    arrays[request["input"]] = np.load(request["input"])
                reply = _compute(engine, arrays[request["input"]], request)
        except Exception as reason:  # each engine raises errors of its own
            text = " ".join(str(reason).split()) or type(reason).__name__
            reply = {"error": text[:300]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _open(request: dict[str, Any]) -> Any:
    path, options = Path(request["path"]), request["options"]
    return open_streams(request["engine"], path, request["threads"], request["streams"], options)


def _compute(engine: Any, x: Any, request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "run":
        np.savez(request["output"], **engine(x))
        return {}
    times: list[float] = []
    end = time.perf_counter() + request["seconds"]
    while len(times) < request["least"] or time.perf_counter() < end:
        start = time.perf_counter()
        engine(x)
        times.append(time.perf_counter() - start)
    return {"times": times}


def _peak() -> int:
    info = psutil.Process().memory_info()
    return int(getattr(info, "peak_wset", 0) or _high_water() or info.rss)


def _high_water() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    line = next((one for one in status.splitlines() if one.startswith("VmHWM")), "VmHWM: 0 kB")
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    serve()
