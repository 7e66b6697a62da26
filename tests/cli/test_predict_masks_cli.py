"""`canon predict` with a segmentation run, on pictures, stacks and large images."""

import hashlib
import json
import signal
import subprocess
import time

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from canon.cli import main
from tests.helpers.commands import CANON, refused
from tests.helpers.synthetic import shape_pair


def mosaic(side: int) -> np.ndarray:
    """A large colour image of shapes."""
    tiles = side // 64 + 1
    rows = [np.concatenate([shape_pair(7 * y + x)[0] for x in range(tiles)], 1)
            for y in range(tiles)]  # fmt: skip
    return np.concatenate(rows)[:side, :side]


def test_masks_and_overlays_are_written_for_a_folder(shapes_run, tmp_path, capsys):
    out, images = tmp_path / "masks", shapes_run.path.parent / "shapes" / "images"
    words = ["predict", shapes_run.path, images, "--out", out, "--overlay", "--device", "cpu"]
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 24
    assert all(sum(row["pixels"]) == 64 * 64 for row in rows)
    assert len(list(out.glob("*-overlay.png"))) == 24


def test_masks_are_written_to_the_folder_masks_if_none_is_given(shapes_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = shapes_run.path.parent / "shapes" / "images" / "000.png"
    assert main(["predict", str(shapes_run.path), str(image), "--device", "cpu"]) == 0
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["000.png"]


@pytest.mark.parametrize("kind", ["tiled", "strips", "ome", "zarr"])
def test_a_large_image_has_the_mask_of_the_whole_in_its_own_format(shapes_run, kind, tmp_path):
    image = mosaic(300)
    source = tmp_path / ("big.zarr" if kind == "zarr" else "big.ome.tif" if kind == "ome" else
                         "big.tif")  # fmt: skip
    if kind == "zarr":
        zarr.save_array(str(source), image)
    elif kind == "ome":
        tifffile.imwrite(
            source, image, tile=(128, 128), photometric="rgb", metadata={"axes": "YXS"}
        )
    else:
        tile = (64, 64) if kind == "tiled" else None
        tifffile.imwrite(source, image, tile=tile, photometric="rgb")
    Image.fromarray(image).save(tmp_path / "whole.png")
    words = ["--tile", "64", "--overlay", "--probabilities", "--device", "cpu"]
    for path, more in ((source, words), (tmp_path / "whole.png", ["--device", "cpu"])):
        assert (
            main(
                ["predict", str(shapes_run.path), str(path), "--out", str(tmp_path / "out"), *more]
            )
            == 0
        )
    whole = np.asarray(Image.open(tmp_path / "out" / "whole.png"))
    name = source.with_suffix("").name
    if kind == "zarr":
        mask = zarr.open_array(str(tmp_path / "out" / f"{name}.zarr"), mode="r")[0]
    else:
        mask = tifffile.imread(tmp_path / "out" / f"{name}.tif")
    assert mask.shape == (300, 300)
    assert (mask != whole).mean() < 1e-4
    with Image.open(tmp_path / "out" / f"{name}-overlay.png") as overlay:
        assert overlay.size == (300, 300)


@pytest.mark.slow
def test_a_killed_prediction_resumes_to_the_same_file(shapes_run, tmp_path):
    source = tmp_path / "big.tif"
    tifffile.imwrite(source, mosaic(1200), tile=(128, 128), photometric="rgb")
    words = ["predict", str(shapes_run.path), str(source), "--tile", "64", "--device", "cpu"]
    subprocess.run([*CANON, *words, "--out", str(tmp_path / "whole")], check=True)
    process = subprocess.Popen([*CANON, *words, "--out", str(tmp_path / "cut")])
    partial = tmp_path / "cut" / ".big.tif.partial"
    while len(list(partial.glob("*.zip"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cut" / "big.tif").exists()
    subprocess.run([*CANON, *words, "--out", str(tmp_path / "cut")], check=True)
    one, other = ((tmp_path / n / "big.tif").read_bytes() for n in ("whole", "cut"))
    assert hashlib.sha256(one).digest() == hashlib.sha256(other).digest()
    assert not partial.exists()


@pytest.fixture
def damaged(tmp_path):
    """A stack of four pages of which the third cannot be decoded."""
    path = tmp_path / "stack.tif"
    pages = np.stack([shape_pair(i)[0] for i in range(4)])
    tifffile.imwrite(path, pages, photometric="rgb", compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tif:
        start, count = tif.pages[2].dataoffsets[0], tif.pages[2].databytecounts[0]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * min(count, 64))
    return path


def test_an_unreadable_page_is_named_and_others_are_saved(shapes_run, damaged, tmp_path, capsys):
    words = ["predict", shapes_run.path, damaged, "--out", tmp_path / "out", "--device", "cpu"]
    line = refused(capsys, *words)
    assert "page 3 of 4" in line
    assert "The other 3 of 4 pages are saved: run the same command with --skip-bad" in line
    assert main([*map(str, words), "--skip-bad"]) == 1
    assert "left out: " in capsys.readouterr().err
    masks = tifffile.imread(tmp_path / "out" / "stack.tif")
    assert masks.shape == (4, 64, 64)
    assert (masks[2] == 255).all()
    assert (masks[[0, 1, 3]] < 3).all()


def test_a_mistake_in_predicting_gives_one_line(shapes_run, tmp_path, capsys):
    argv = "predict", shapes_run.path
    image = shapes_run.path.parent / "shapes" / "images" / "000.png"
    assert "--tile is 0; expected 1 or more" in refused(capsys, *argv, image, "--tile", 0)
    line = refused(capsys, *argv, tmp_path / "none.png", "--out", tmp_path / "o")
    assert "does not exist" in line
    line = refused(capsys, *argv, image, "--format", "gif")
    assert "--format" in line
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.zeros((64, 64), np.uint16))
    line = refused(capsys, *argv, deep, "--out", tmp_path / "o")
    assert "16 bits, the network was trained on 8" in line
    floating = tmp_path / "floating.tif"
    tifffile.imwrite(floating, np.zeros((64, 64), np.float32))
    assert "float" in refused(capsys, *argv, floating, "--out", tmp_path / "o")


def test_a_tile_too_large_for_memory_is_refused_with_one_that_fits(
    shapes_run, tmp_path, capsys, monkeypatch
):
    from canon.inference import memory

    source = tmp_path / "big.tif"
    tifffile.imwrite(source, mosaic(2000), tile=(128, 128), photometric="rgb")
    monkeypatch.setattr(memory, "available_bytes", lambda _=None: 64 * 2**20)
    words = ["predict", shapes_run.path, source, "--out", tmp_path / "o", "--device", "cpu"]
    line = refused(capsys, *words, "--tile", "1500")
    assert "GiB" in line
    largest = int(line.rpartition("--tile ")[2].rstrip("."))
    assert 0 < largest < 1500
    assert main([str(word) for word in (*words, "--tile", largest)]) == 0
