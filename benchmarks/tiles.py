"""Segmentation of a TIFF far larger than the network's input: memory, seams, resuming and speed.

    python -m benchmarks.tiles [--side 20000]

A narrow U-Net is trained on synthetic cells, then applied to a large image of them by `canon
predict`, which reads and writes tiled TIFF. The comparison is a loop over overlapping tiles in
plain torch, with image and mask in memory.
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

BLOCK = 2000  # pixels: side of a synthetic block


def synthetic_cells(seed: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey cells between dark membranes, and their mask: a Voronoi diagram with noise."""
    random = np.random.default_rng(seed)
    centres = random.uniform(0, side, (max(4, side * side // 900), 2))
    from scipy.spatial import cKDTree  # noqa: PLC0415

    grid = np.stack(np.mgrid[:side, :side], -1).reshape(-1, 2)
    near, _ = cKDTree(centres).query(grid, k=2, workers=-1)
    inside = (near[:, 1] - near[:, 0] > 4).reshape(side, side)
    image = np.where(inside, 160, 80) + random.normal(0, 25, (side, side))
    return image.clip(0, 255).astype(np.uint8), inside


def train_unet(folder: Path) -> Run:
    """A run of a narrow U-Net on synthetic cells."""
    for name in ("images", "masks"):
        (folder / "cells" / name).mkdir(parents=True)
    for i in range(12):
        image, inside = synthetic_cells(i, 256)
        Image.fromarray(image).save(folder / "cells" / "images" / f"{i:02d}.png")
        Image.fromarray(np.uint8(inside) * 255).save(folder / "cells" / "masks" / f"{i:02d}.png")
    config = TrainConfig("unet-same", str(folder / "cells"), out=folder / "run", width=4, depth=3,
                     epochs=20, image=128, lr=3e-3, device="cpu")  # fmt: skip
    return train(config)


def large(path: Path, side: int) -> None:
    """A tiled TIFF of cells: one block repeated with varying brightness."""
    block, _ = synthetic_cells(99, BLOCK)

    def tiles():
        for y in range(0, side, 512):
            for x in range(0, side, 512):
                rows, columns = (np.arange(a, a + 512) % BLOCK for a in (y, x))
                shade = np.uint8(8 * ((y // BLOCK + x // BLOCK) % 5))
                yield np.minimum(block[rows[:, None], columns], 220) + shade

    tifffile.imwrite(path, tiles(), shape=(side, side), dtype=np.uint8, tile=(512, 512))


def predict(run: Run, image: Path, out: Path, *flags: str) -> subprocess.Popen:
    """`canon predict` in a separate process."""
    command = [sys.executable, "-m", "canon", "predict", run.path, image, "--out", out, *flags]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)


def wait_for(process: subprocess.Popen) -> tuple[float, float]:
    """Seconds until a process ends, and its peak memory in MB."""
    start = time.perf_counter()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def loop(run: Run, image: Path, side: int) -> float:
    """Seconds of a loop over overlapping tiles in plain torch, with the image in memory."""
    pixels = torch.from_numpy(tifffile.imread(image))
    mean, std = run.preprocessing.mean[0] * 255, run.preprocessing.std[0] * 255
    net = run.network().eval().to(memory_format=torch.channels_last)
    mask = torch.zeros(side, side, dtype=torch.uint8)
    tiling = plan_tiles(net, run.preprocessing)  # the same work
    size, margin, whole = tiling.tile, tiling.margin, tiling.side
    start = time.perf_counter()
    with torch.inference_mode():
        for y in range(0, side, size):
            for x in range(0, side, size):
                top, left = (min(max(a - margin, 0), max(side - whole, 0)) for a in (y, x))
                tile = pixels[top : top + whole, left : left + whole]
                classes = net(((tile.float() - mean) / std)[None, None])[0].argmax(0)
                part = classes[y - top : y - top + size, x - left : x - left + size]
                mask[y : y + size, x : x + size] = part
    return time.perf_counter() - start


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kill_prediction(run: Run, image: Path, out: Path) -> int:
    """Kill a prediction midway; return the number of finished rows of tiles."""
    process = predict(run, image, out)
    partial = out / f".{image.stem}.tif.partial"
    while len(list(partial.glob("*.zip"))) < 4:
        time.sleep(0.2)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(list(partial.glob("*.zip")))


def main() -> None:
    """Run everything, at two image sizes."""
    side = int(sys.argv[sys.argv.index("--side") + 1]) if "--side" in sys.argv else 20_000
    with TemporaryDirectory() as name:
        folder = Path(name)
        run = train_unet(folder)
        result = open_run(run.path).record.result
        print(f"unet-same, width 4, depth 3: mean IoU {result['mean_iou']:.3f} on synthetic cells")
        for size in (side // 4, side):
            image = folder / f"{size}.tif"
            large(image, size)
            seconds, memory = wait_for(predict(run, image, folder / "whole"))
            alone = loop(run, image, size)
            speed, theirs = (size * size / 1e6 / s for s in (seconds, alone))
            print(f"{size} x {size}: {seconds:.0f} s, {speed:.2f} megapixels per second with "
                  f"start-up and files; peak {memory:.0f} MB; the loop in torch {theirs:.2f}, "
                  f"ratio {speed / theirs:.2f}", flush=True)  # fmt: skip
        rows = kill_prediction(run, image, folder / "killed")
        wait_for(predict(run, image, folder / "killed"))
        whole, again = (folder / n / f"{side}.tif" for n in ("whole", "killed"))
        same = digest(whole) == digest(again)
        print(f"killed after {rows} rows and resumed: identical output: {same}")
        wait_for(predict(run, image, folder / "small", "--tile", "400"))
        ours, theirs = (tifffile.imread(folder / n / f"{side}.tif") for n in ("whole", "small"))
        different = int((ours != theirs).sum())
        print(f"pixels that smaller tiles classify differently: {different:,} of "
              f"{ours.size:,}")  # fmt: skip
        assert same
        assert different < 1e-5 * ours.size


if __name__ == "__main__":
    main()
