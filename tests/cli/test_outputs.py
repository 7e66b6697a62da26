"""What predicting leaves behind when it is stopped, repeated, or given damaged and odd images."""

import json

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from canon.cli import main
from canon.inference.writer import TiledWriter
from tests.helpers.commands import TRAIN, refused
from tests.helpers.synthetic import shape_folder, shape_pair


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    base = tmp_path_factory.mktemp("outputs")
    folder = shape_folder(base / "shapes", 10, test=2)
    assert main([*TRAIN[:2], str(folder), *TRAIN[2:], "--out", str(base / "run")]) == 0
    return base / "run"


def predict(run, *words) -> int:
    return main(["predict", str(run), *map(str, words), "--device", "cpu"])


@pytest.fixture
def slides(tmp_path):
    for i in range(2):
        tifffile.imwrite(tmp_path / f"{i}.tif", shape_pair(i, 100)[0], photometric="rgb")
    return tmp_path


def test_a_stop_while_outputs_are_put_in_place_loses_none(run, slides, monkeypatch):
    out = slides / "out"
    words = (slides / "0.tif", "--probabilities", "--out", out)
    placed, real = [], TiledWriter.place

    def interrupted(sink, progress=None):
        if placed:
            raise KeyboardInterrupt
        placed.append(sink)
        real(sink, progress)

    with monkeypatch.context() as patch:
        patch.setattr(TiledWriter, "place", interrupted)
        assert predict(run, *words) == 130
    assert (out / "0.tif").exists()
    assert not (out / "0-probabilities.tif").exists()
    assert predict(run, *words) == 0
    assert tifffile.imread(out / "0-probabilities.tif").shape == (3, 100, 100)
    assert not list(out.glob(".*"))


def test_finished_images_are_left_alone_if_it_is_asked_for(run, slides, capsys):
    out = slides / "out"
    assert predict(run, slides / "0.tif", "--out", out) == 0
    said = refused(capsys, "predict", run, slides / "0.tif", slides / "1.tif", "--out", out)
    assert "exists already" in said
    assert "--resume" in said
    assert predict(run, slides / "0.tif", slides / "1.tif", "--out", out, "--resume") == 0
    assert {p.name for p in out.iterdir()} == {"0.tif", "1.tif"}


def test_masks_inside_the_folder_of_images_are_not_predicted_in_turn(run, slides):
    for _ in range(2):
        assert predict(run, slides, "--out", slides / "masks", "--resume") == 0
    assert {p.name for p in (slides / "masks").iterdir()} == {"0.tif", "1.tif"}


def test_images_whose_outputs_would_meet_are_refused(run, tmp_path, capsys):
    for name in ("x.png", "x-overlay.png"):
        Image.fromarray(shape_pair(0)[0]).save(tmp_path / name)
    said = refused(capsys, "predict", run, tmp_path, "--overlay", "--out", tmp_path / "out")
    assert "would both be written as x-overlay" in said


def test_a_damaged_first_page_costs_neither_the_others_nor_the_overlay(run, tmp_path, capsys):
    path = tmp_path / "stack.tif"
    pages = np.stack([shape_pair(i)[0] for i in range(3)])
    tifffile.imwrite(path, pages, photometric="rgb", compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 64)
    assert predict(run, path, "--overlay", "--skip-bad", "--out", tmp_path / "out") == 1
    masks = tifffile.imread(tmp_path / "out" / "stack.tif")
    assert (masks[0] == 255).all()
    assert (masks[1:] < 3).all()
    assert (tmp_path / "out" / "stack-overlay.png").exists()


def test_grey_of_16_bits_is_named_and_writes_nothing(run, tmp_path, capsys):
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.zeros((64, 64), np.uint16))
    out = tmp_path / "out"
    said = refused(capsys, "predict", run, deep, "--out", out)
    assert f"{deep} has 16 bits, the network was trained on 8" in said
    assert predict(run, deep, "--skip-bad", "--json", "--out", out) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["mask"] is None
    assert list(out.iterdir()) == []


def test_colour_of_16_bits_loses_the_lower_ones_as_when_it_was_trained_on(run, tmp_path):
    image = shape_pair(3)[0]
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb")
    tifffile.imwrite(tmp_path / "b.tif", image.astype(np.uint16) * 256 + 7, photometric="rgb")
    assert predict(run, tmp_path / "a.tif", tmp_path / "b.tif", "--out", tmp_path / "out") == 0
    one, other = (tifffile.imread(tmp_path / "out" / f"{n}.tif") for n in "ab")
    assert (one == other).all()


def test_zarr_that_may_have_opacity_is_refused(run, tmp_path, capsys):
    zarr.save_array(str(tmp_path / "a.zarr"), np.zeros((32, 32, 4), np.uint8))
    said = refused(capsys, "predict", run, tmp_path / "a.zarr", "--out", tmp_path / "out")
    assert "last axis of 1 or 3" in said


def test_shares_are_fractions_for_programs_and_nothing_stands_for_what_is_not_there(
    run, tmp_path, capsys
):
    Image.fromarray(shape_pair(0)[0]).save(tmp_path / "a.png")
    capsys.readouterr()
    assert predict(run, tmp_path / "a.png", "--json", "--out", tmp_path / "out") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert sum(row[f"share of {name}"] for name in ("ground", "disc", "square")) == pytest.approx(1)
    folder = shape_folder(tmp_path / "plain", 4, test=2)
    for file in (folder / "masks").glob("*.png"):  # no square anywhere
        held = np.asarray(Image.open(file)).copy()
        held[held == 2] = 0
        Image.fromarray(held).save(file)
    assert main(["evaluate", str(run), str(folder), "--json", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert told["classes"][2]["pixels"] == 0
