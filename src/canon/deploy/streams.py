"""Several engines of one network that share a batch: throughput rather than latency."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.deploy.engine import Engine
from canon.deploy.files import FORMATS


class Streams:
    """Engines that compute parts of a batch at the same time.

    Args:
        engines: of one network, each with threads of its own.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self.outputs, self.metadata = engines[0].outputs, engines[0].metadata
        self.pool = ThreadPoolExecutor(len(engines))

    def __call__(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        parts = np.array_split(x, min(len(self.engines), len(x)))
        engines = self.engines[: len(parts)]
        found = [*self.pool.map(lambda engine, part: engine(part), engines, parts)]
        return {name: np.concatenate([one[name] for one in found]) for name in self.outputs}


def open_streams(
    format: str, path: Path, threads: int | None, streams: int, options: dict[str, Any]
) -> Engine:
    """An engine, or as many as there are streams, with so many threads each."""
    info = FORMATS[format]
    engines = [info.open(path, threads, options) for _ in range(streams)]
    return engines[0] if streams == 1 else Streams(engines)
