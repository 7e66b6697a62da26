"""Huge pages: which memory is asked for, and that nothing in it changes."""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from canon.utils.huge_pages import PAGE, _regions, use_huge_pages

MAPS = """\
7f0000100000-7f0000900000 rw-p 00000000 00:00 0
7f0001000000-7f0001100000 rw-p 00000000 00:00 0
7f0002000000-7f0002800000 r--p 00000000 00:00 0
7f0003000000-7f0003800000 rw-p 00000000 fe:00 77 /lib/libc.so
7f0004000000-7f0004400000 rw-p 00000000 00:00 0          [heap]
7f0005000000-7f0005400000 rw-p 00000000 00:00 0          [stack]
"""


def test_only_whole_huge_pages_of_private_memory_are_asked_for():
    assert _regions(MAPS.splitlines()) == [
        (0x7F0000200000, 3 * PAGE),  # 0x100000 and 0x800000 are not multiples of a page
        (0x7F0004000000, 2 * PAGE),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are Linux's")
def test_memory_keeps_its_content(monkeypatch):
    values = np.random.default_rng(0).integers(0, 256, 2**25, np.uint8)
    copy = bytes(values)
    granted = use_huge_pages()
    assert bytes(values) == copy
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    kernel = tuple(map(int, platform.release().split(".")[:2]))
    if kernel >= (6, 1) and setting.is_file() and "[never]" not in setting.read_text():
        assert granted >= 2**24
    monkeypatch.setattr(sys, "platform", "win32")
    assert use_huge_pages() == 0


PROGRAM = """
import resource, sys, torch
from canon.utils.huge_pages import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
for _ in range(50):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_freed_memory_is_used_again():
    faults = {
        mode: int(subprocess.check_output([sys.executable, "-c", PROGRAM, mode]))
        for mode in ("usual", "kept")
    }
    assert faults["kept"] < faults["usual"] - 40 * 2**26 // 2**12 / 2
