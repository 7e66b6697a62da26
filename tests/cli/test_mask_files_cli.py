"""Mask files after an interruption, a second call, and damaged or unusual images."""

import csv
import io
import json

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from canon.cli import main
from canon.inference.writer import TiledWriter
from tests.helpers.commands import refused
from tests.helpers.synthetic import shape_pair


def predict(run, *words) -> int:
    return main(["predict", str(run.path), *map(str, words), "--device", "cpu"])


@pytest.fixture
def slides(tmp_path):
    for i in range(2):
        tifffile.imwrite(tmp_path / f"{i}.tif", shape_pair(i, 100)[0], photometric="rgb")
    return tmp_path


def test_an_interruption_while_outputs_are_placed_loses_none(shapes_run, slides, monkeypatch):
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
        assert predict(shapes_run, *words) == 130
    assert (out / "0.tif").exists()
    assert not (out / "0-probabilities.tif").exists()
    assert predict(shapes_run, *words) == 0
    assert tifffile.imread(out / "0-probabilities.tif").shape == (3, 100, 100)
    assert not list(out.glob(".*"))


def test_finished_masks_are_skipped_with_resume(shapes_run, slides, capsys):
    out = slides / "out"
    assert predict(shapes_run, slides / "0.tif", "--out", out) == 0
    both = (slides / "0.tif", slides / "1.tif")
    line = refused(capsys, "predict", shapes_run.path, *both, "--out", out)
    assert "exists already" in line
    assert "--resume" in line
    assert predict(shapes_run, *both, "--out", out, "--resume") == 0
    assert {p.name for p in out.iterdir()} == {"0.tif", "1.tif"}


def test_masks_inside_the_folder_of_images_are_not_predicted(shapes_run, slides):
    for _ in range(2):
        assert predict(shapes_run, slides, "--out", slides / "masks", "--resume") == 0
    assert {p.name for p in (slides / "masks").iterdir()} == {"0.tif", "1.tif"}


def test_masks_never_replace_their_images(shapes_run, tmp_path, capsys, monkeypatch):
    for name in ("x.png", "y.png"):
        Image.fromarray(shape_pair(0)[0]).save(tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.chdir(tmp_path)
    for words in ((tmp_path, "--out", tmp_path), (".", "--out", "."), ("x.png", "--out", ".")):
        line = refused(capsys, "predict", shapes_run.path, *words, "--format", "png")
        assert "would be written to its folder under the same name" in line
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_images_with_the_same_output_are_refused(shapes_run, tmp_path, capsys):
    for name in ("x.png", "x-overlay.png"):
        Image.fromarray(shape_pair(0)[0]).save(tmp_path / name)
    line = refused(
        capsys, "predict", shapes_run.path, tmp_path, "--overlay", "--out", tmp_path / "out"
    )
    assert "would both be written as x-overlay" in line


def test_a_damaged_first_page_loses_no_other_page_and_no_overlay(shapes_run, tmp_path, capsys):
    path = tmp_path / "stack.tif"
    pages = np.stack([shape_pair(i)[0] for i in range(3)])
    tifffile.imwrite(path, pages, photometric="rgb", compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 64)
    assert predict(shapes_run, path, "--overlay", "--skip-bad", "--out", tmp_path / "out") == 1
    masks = tifffile.imread(tmp_path / "out" / "stack.tif")
    assert (masks[0] == 255).all()
    assert (masks[1:] < 3).all()
    assert (tmp_path / "out" / "stack-overlay.png").exists()


def test_grey_of_16_bits_is_named_and_writes_nothing(shapes_run, tmp_path, capsys):
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.zeros((64, 64), np.uint16))
    out = tmp_path / "out"
    line = refused(capsys, "predict", shapes_run.path, deep, "--out", out)
    assert f"{deep} has 16 bits, the network was trained on 8" in line
    assert predict(shapes_run, deep, "--skip-bad", "--json", "--out", out) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["mask"] is None
    assert list(out.iterdir()) == []


def test_colour_of_16_bits_is_reduced_to_8_as_in_training(shapes_run, tmp_path):
    image = shape_pair(3)[0]
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb")
    tifffile.imwrite(tmp_path / "b.tif", image.astype(np.uint16) * 256 + 7, photometric="rgb")
    assert (
        predict(shapes_run, tmp_path / "a.tif", tmp_path / "b.tif", "--out", tmp_path / "out") == 0
    )
    one, other = (tifffile.imread(tmp_path / "out" / f"{n}.tif") for n in "ab")
    assert (one == other).all()


def test_zarr_with_four_channels_is_refused(shapes_run, tmp_path, capsys):
    zarr.save_array(str(tmp_path / "a.zarr"), np.zeros((32, 32, 4), np.uint8))
    line = refused(
        capsys, "predict", shapes_run.path, tmp_path / "a.zarr", "--out", tmp_path / "out"
    )
    assert "expected 1 or 3 channels, or named axes" in line


def test_pixels_of_the_classes_are_counted_and_shares_are_fractions(shapes_run, tmp_path, capsys):
    Image.fromarray(shape_pair(0)[0]).save(tmp_path / "a.png")
    capsys.readouterr()
    words = tmp_path / "a.png", "--out", tmp_path / "out"
    assert predict(shapes_run, *words, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row) == {"image", "mask", "pixels", "faults"}
    assert sum(row["pixels"]) == 64 * 64
    assert predict(shapes_run, tmp_path / "a.png", "--out", tmp_path / "more", "--csv") == 0
    (shares,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    columns = [f"share of {name}" for name in ("ground", "disc", "square")]
    assert list(shares) == ["image", "mask", *columns]
    expected = [count / 64**2 for count in row["pixels"]]
    assert [float(shares[name]) for name in columns] == pytest.approx(expected)
