"""Several engines of one network that share a batch: throughput rather than latency."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon.deploy.engine import Engine
from canon.deploy.engines import open_engine
from canon.utils.huge_pages import use_huge_pages


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


class WithHugePages:
    """An engine whose memory is moved to huge pages once it has run often enough to be worth it.

    Args:
        engine: the engine.
        runs: after so many runs.
    """

    def __init__(self, engine: Engine, runs: int = 50) -> None:
        self.engine, self.left = engine, runs
        self.outputs, self.metadata = engine.outputs, engine.metadata

    def __call__(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        found = self.engine(x)
        self.left -= 1
        if self.left == 0:
            use_huge_pages()
        return found


def open_streams(
    format: str, path: Path, threads: int | None, streams: int, options: dict[str, Any]
) -> Engine:
    """An engine, or as many as there are streams, with so many threads each."""
    engines = [open_engine(format, path, threads, options) for _ in range(streams)]
    return WithHugePages(engines[0] if streams == 1 else Streams(engines))
