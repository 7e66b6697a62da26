"""Commands on pairs and large images as a user types them, and what mistakes are answered."""

import hashlib
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from canon.cli import main
from tests.helpers.commands import CANON, TRAIN, refused
from tests.helpers.synthetic import shape_folder, shape_pair


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return shape_folder(tmp_path_factory.mktemp("shapes") / "shapes", 10, test=2)


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "shapes"
    assert main([*TRAIN[:2], str(shapes), *TRAIN[2:], "--out", str(out)]) == 0
    return out


def mosaic(side: int) -> np.ndarray:
    """A large colour image of shapes."""
    tiles = side // 64 + 1
    rows = [np.concatenate([shape_pair(7 * y + x)[0] for x in range(tiles)], 1)
            for y in range(tiles)]  # fmt: skip
    return np.concatenate(rows)[:side, :side]


def test_training_measuring_and_predicting_are_told_in_figures(run, shapes, tmp_path, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(run), "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "mean IoU on test: " in said
    assert "the best constant prediction has" in said
    assert main(["evaluate", str(run), "--json", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["class"] for row in told["classes"]] == ["ground", "disc", "square"]
    assert np.sum(told["confusion"]) == told["pixels"]
    out = tmp_path / "said"
    words = ["predict", run, shapes / "images", "--out", out, "--overlay", "--device", "cpu"]
    assert main([*map(str, words), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 10
    assert set(rows[0]) == {"image", "mask", "share of ground", "share of disc", "share of square"}
    assert len(list(out.glob("*-overlay.png"))) == 10


@pytest.mark.parametrize("kind", ["tiled", "strips", "ome", "zarr"])
def test_large_images_give_the_mask_of_the_whole_in_their_own_kind(run, kind, tmp_path):
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
        assert main(["predict", str(run), str(path), "--out", str(tmp_path / "out"), *more]) == 0
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


def test_a_killed_prediction_goes_on_to_the_same_file(run, tmp_path):
    source = tmp_path / "big.tif"
    tifffile.imwrite(source, mosaic(1200), tile=(128, 128), photometric="rgb")
    words = [str(w) for w in ("predict", run, source, "--tile", "64", "--device", "cpu")]
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


def test_a_page_that_cannot_be_read_is_named_and_the_rest_is_kept(run, damaged, tmp_path, capsys):
    words = ["predict", run, damaged, "--out", tmp_path / "out", "--device", "cpu"]
    said = refused(capsys, *words)
    assert "page 3 of 4" in said
    assert "The other 3 of 4 pages are kept: run it again with --skip-bad" in said
    assert main([*map(str, words), "--skip-bad"]) == 1
    assert "left out: " in capsys.readouterr().err
    masks = tifffile.imread(tmp_path / "out" / "stack.tif")
    assert masks.shape == (4, 64, 64)
    assert (masks[2] == 255).all()
    assert (masks[[0, 1, 3]] < 3).all()


def test_mistakes_with_pairs_are_answered_in_one_line(tmp_path, capsys):
    def fresh(name):
        return shape_folder(tmp_path / name, 6, test=1)

    def told(folder, *more):
        return refused(capsys, "train", "unet-same", folder, "--out", tmp_path / "never", *more)

    lonely = fresh("lonely")
    for name in ("train", "test"):
        (lonely / f"{name}.txt").unlink()
    (lonely / "masks" / "003.png").unlink()
    assert "003" in told(lonely)

    bare = fresh("bare")
    for file in (bare / "masks").iterdir():
        file.unlink()
    assert "masks" in told(bare)

    sized = fresh("sized")
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(sized / "masks" / "001.png")
    assert "32" in told(sized)
    assert main(["check", str(sized)]) == 1
    assert "001.png" in capsys.readouterr().out

    strange = fresh("strange")
    Image.fromarray(np.full((64, 64), 77, np.uint8)).save(strange / "masks" / "001.png")
    assert "77" in told(strange)

    painted = fresh("painted")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(
        painted / "masks" / "001.png"
    )
    assert "colour" in told(painted)

    said = refused(capsys, "train", "unet", fresh("u"), "--image", "100", "--out", tmp_path / "n")
    assert "188 + 16k" in said
    assert "--image 188" in said
    assert not (tmp_path / "never").exists()


def test_mistakes_with_predicting_are_answered_in_one_line(run, shapes, tmp_path, capsys):
    image = shapes / "images" / "000.png"
    assert "--tile is 0; expected 1 or more" in refused(capsys, "predict", run, image, "--tile", 0)
    said = refused(capsys, "predict", run, tmp_path / "none.png", "--out", tmp_path / "o")
    assert "does not exist" in said
    said = refused(capsys, "predict", run, image, "--format", "gif")
    assert "--format" in said
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.zeros((64, 64), np.uint16))
    said = refused(capsys, "predict", run, deep, "--out", tmp_path / "o")
    assert "16 bits, the network was trained on 8" in said
    floating = tmp_path / "floating.tif"
    tifffile.imwrite(floating, np.zeros((64, 64), np.float32))
    assert "float" in refused(capsys, "predict", run, floating, "--out", tmp_path / "o")


def test_a_tile_beyond_the_memory_is_refused_with_one_that_fits(run, tmp_path, capsys, monkeypatch):
    from canon.inference import memory

    source = tmp_path / "big.tif"
    tifffile.imwrite(source, mosaic(2000), tile=(128, 128), photometric="rgb")
    monkeypatch.setattr(memory, "available_bytes", lambda _=None: 64 * 2**20)
    said = refused(capsys, "predict", run, source, "--tile", "1500", "--out", tmp_path / "o",
                   "--device", "cpu")  # fmt: skip
    assert "GiB" in said
    largest = int(said.rpartition("--tile ")[2].rstrip("."))
    assert 0 < largest < 1500
    words = ["predict", run, source, "--tile", largest, "--out", tmp_path / "o", "--device", "cpu"]
    assert main([str(word) for word in words]) == 0


def test_list_show_and_compare_know_the_dense_networks(capsys):
    assert main(["show", "unet"]) == 0
    said = capsys.readouterr().out
    assert "2 x 388 x 388" in said
    assert main(["list", "models", "--csv"]) == 0
    assert "fcn8s" in capsys.readouterr().out
    assert main(["compare", "unet", "segnet", "--csv"]) == 0
    assert "unet" in capsys.readouterr().out


def test_torch_is_not_imported_before_a_mistake_in_a_flag_is_answered():
    code = "import sys; from canon.cli import main; main(['train', 'unet', '--up', 'sideways']); "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert "sideways" in done.stderr
