"""Memory does not grow with the image: from a file through tiles to a file, in own processes."""

import subprocess
import sys
from pathlib import Path

import pytest

tifffile = pytest.importorskip("tifffile")
zarr = pytest.importorskip("zarr")

MAKE = """
import sys, numpy as np, tifffile, zarr
path, side = sys.argv[1], int(sys.argv[2])
def tiles():
    for i in range((-(-side // 512)) ** 2):
        yield np.random.default_rng(i % 9).integers(0, 256, (512, 512, 3), dtype=np.uint8)
tifffile.imwrite(path, tiles(), shape=(side, side, 3), dtype="u1", tile=(512, 512),
                 photometric="rgb", compression="zlib", compressionargs={"level": 1})
"""
RUN = """
import resource, sys
from pathlib import Path
from canon.data.images.open import open_image, require_same_format
from canon.inference.partial import OutputShape
from canon.inference.writer import open_writer
from canon.inference.tiles import Tiling, tile_rows
source, target = map(Path, sys.argv[1:3])
tiling = Tiling(388, 92)
with open_image(source) as planes:
    plane = require_same_format(planes, source)
    writer = open_writer(target, OutputShape(1, plane.height, plane.width, tiling.tile), source)
    predict = lambda x: x[:, 92:-92, 92:-92, 0] // 64
    for row, band in tile_rows(plane, tiling, predict):
        writer.write(0, row, band)
    writer.finish()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # KiB on Linux
"""


def python(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_four_times_the_pixels_need_no_more_memory_than_wider_rows_do(tmp_path, suffix):
    peaks = {}
    for side in (3000, 6000):
        source: Path = tmp_path / f"{side}.tif"
        python(MAKE, source, side)
        peaks[side] = int(python(RUN, source, tmp_path / f"{side}out{suffix}")) / 2**10
    # The cache of blocks is full, 64 MiB, from the larger one on, and holds the smaller one's 26.
    # Kept whole, the larger image would need 77 MiB more than the smaller, its mask another 26.
    assert peaks[6000] - peaks[3000] < 64
