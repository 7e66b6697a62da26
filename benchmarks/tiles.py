"""A TIFF far larger than a network's input, segmented: memory, seams, a kill, and speed.

    python -m benchmarks.tiles [--side 20000]

A narrow U-Net is trained on drawn cells, then run on an image of them by `canon predict`, which
reads and writes tiled TIFF; beside it, a loop over overlapping tiles in torch alone, which has the
image and the mask in memory.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tifffile
import torch
from PIL import Image

from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.workflows.train import train

BLOCK = 2000  # pixels a side of what is drawn at once


def drawn(seed: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey cells between dark membranes, and where the cells are: a Voronoi diagram with noise."""
    random = np.random.default_rng(seed)
    centres = random.uniform(0, side, (max(4, side * side // 900), 2))
    from scipy.spatial import cKDTree  # noqa: PLC0415

    grid = np.stack(np.mgrid[:side, :side], -1).reshape(-1, 2)
    near, _ = cKDTree(centres).query(grid, k=2, workers=-1)
    inside = (near[:, 1] - near[:, 0] > 4).reshape(side, side)
    image = np.where(inside, 160, 80) + random.normal(0, 25, (side, side))
    return image.clip(0, 255).astype(np.uint8), inside


def trained(folder: Path) -> Run:
    """A run of a narrow U-Net on drawn cells."""
    for name in ("images", "masks"):
        (folder / "cells" / name).mkdir(parents=True)
    for i in range(12):
        image, inside = drawn(i, 256)
        Image.fromarray(image).save(folder / "cells" / "images" / f"{i:02d}.png")
        Image.fromarray(np.uint8(inside) * 255).save(folder / "cells" / "masks" / f"{i:02d}.png")
    asked = TrainConfig("unet-same", str(folder / "cells"), out=folder / "run", width=4, depth=3,
                     epochs=20, image=128, lr=3e-3, device="cpu")  # fmt: skip
    return train(asked)


def large(path: Path, side: int) -> None:
    """A tiled TIFF of cells, a drawn block over and over, each differently bright."""
    block, _ = drawn(99, BLOCK)

    def tiles():
        for y in range(0, side, 512):
            for x in range(0, side, 512):
                rows, columns = (np.arange(a, a + 512) % BLOCK for a in (y, x))
                shade = np.uint8(8 * ((y // BLOCK + x // BLOCK) % 5))
                yield np.minimum(block[rows[:, None], columns], 220) + shade

    tifffile.imwrite(path, tiles(), shape=(side, side), dtype=np.uint8, tile=(512, 512))


def predict(run: Run, image: Path, out: Path, *flags: str) -> subprocess.Popen:
    """`canon predict` in a process of its own."""
    command = [sys.executable, "-m", "canon", "predict", run.path, image, "--out", out, *flags]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)


def measured(process: subprocess.Popen) -> tuple[float, float]:
    """Seconds until a process ends, and its peak memory in MB."""
    began = time.perf_counter()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def loop(run: Run, image: Path, side: int) -> float:
    """Seconds that a loop over overlapping tiles takes, in torch alone, image in memory."""
    pixels = torch.from_numpy(tifffile.imread(image))
    mean, std = run.preprocessing.mean[0] * 255, run.preprocessing.std[0] * 255
    net = run.network().eval().to(memory_format=torch.channels_last)
    mask = torch.zeros(side, side, dtype=torch.uint8)
    tiling = plan_tiles(run.model, run.facts["numbers"])  # the same work
    inner, margin, whole = tiling.inner, tiling.margin, tiling.side
    began = time.perf_counter()
    with torch.inference_mode():
        for y in range(0, side, inner):
            for x in range(0, side, inner):
                top, left = (min(max(a - margin, 0), max(side - whole, 0)) for a in (y, x))
                tile = pixels[top : top + whole, left : left + whole]
                said = net(((tile.float() - mean) / std)[None, None])[0].argmax(0)
                part = said[y - top : y - top + inner, x - left : x - left + inner]
                mask[y : y + inner, x : x + inner] = part
    return time.perf_counter() - began


def digest(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def killed(run: Run, image: Path, out: Path) -> int:
    """Kill a prediction in the middle; rows of tiles that were safe by then."""
    process = predict(run, image, out)
    partial = out / f".{image.stem}.tif.partial"
    while len(list(partial.glob("*.zip"))) < 4:
        time.sleep(0.2)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(list(partial.glob("*.zip")))


def main() -> None:
    """All of it, at two sizes."""
    side = int(sys.argv[sys.argv.index("--side") + 1]) if "--side" in sys.argv else 20_000
    with TemporaryDirectory() as name:
        folder = Path(name)
        run = trained(folder)
        result = open_run(run.path).facts["result"]
        print(f"unet-same, width 4, depth 3: mean IoU {result['mean_iou']:.3f} on drawn cells")
        for size in (side // 4, side):
            image = folder / f"{size}.tif"
            large(image, size)
            seconds, memory = measured(predict(run, image, folder / "whole"))
            alone = loop(run, image, size)
            speed, theirs = (size * size / 1e6 / s for s in (seconds, alone))
            print(f"{size} x {size}: {seconds:.0f} s, {speed:.2f} megapixels a second, start and "
                  f"files included; peak {memory:.0f} MB; the loop in torch {theirs:.2f}, "
                  f"ratio {speed / theirs:.2f}", flush=True)  # fmt: skip
        rows = killed(run, image, folder / "killed")
        measured(predict(run, image, folder / "killed"))
        whole, again = (folder / n / f"{side}.tif" for n in ("whole", "killed"))
        same = digest(whole) == digest(again)
        print(f"killed after {rows} rows of tiles and gone on with: the same file: {same}")
        measured(predict(run, image, folder / "small", "--tile", "400"))
        ours, theirs = (tifffile.imread(folder / n / f"{side}.tif") for n in ("whole", "small"))
        different = int((ours != theirs).sum())
        print(f"pixels of which smaller tiles say another class: {different:,} of "
              f"{ours.size:,}")  # fmt: skip
        assert same
        assert different < 1e-5 * ours.size


if __name__ == "__main__":
    main()
