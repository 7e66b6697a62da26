"""Read ahead of the network: decode in threads while it computes, in order, a bounded number."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")


def read_ahead(
    items: Sequence[Item], read: Callable[[Item], Read], ahead: int, threads: int | None = None
) -> Iterator[Read]:
    """What `read` gives for each item, in their order.

    Args:
        items: to read.
        read: called in threads; what it raises is raised when its item is due.
        ahead: how many items are read before they are due, at most.
        threads: None takes one for each core.
    """
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        waiting: deque[Future[Read]] = deque()
        try:
            for item in items:
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(read, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
