"""Codes of images: of clusterings and of stages, as arrays and as files."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.cli import main
from canon.errors import DataError, InputError
from tests.helpers.clusters import bars

pytestmark = pytest.mark.usefixtures("without_umap")


@pytest.fixture
def broken(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for i, image in enumerate(bars(3)[0]):
        Image.fromarray(image).save(folder / f"{i}.png")
    (folder / "1.png").write_bytes(b"no image")
    return folder


def test_codes_are_those_of_the_network(bar_run, bar_folder):
    found = canon.embed(bar_run, bar_folder, batch=7)
    assert found.codes.shape == (40, 10)
    images = torch.from_numpy(bars()[0]).float()[:, None] / 255
    with torch.no_grad():
        expected = bar_run.network().eval().net.encode(images)
    np.testing.assert_allclose(found.codes, expected, atol=1e-5)
    assert found.names == tuple(str(bar_folder / f"{i:02d}.png") for i in range(40))
    twice = canon.embed(bar_run, [bar_folder, bar_folder])
    np.testing.assert_array_equal(twice.codes[40:], twice.codes[:40])


def test_a_stage_gives_the_mean_of_its_maps(digits_run, tmp_path):
    images = canon.open_data("digits").splits["train"].images.pixels[:4]
    np.savez(tmp_path / "few.npz", x_train=images)
    found = canon.embed(digits_run, tmp_path / "few.npz", stage="c1")
    net = digits_run.network().eval()
    maps = []
    net.get_submodule("features.c1").register_forward_hook(lambda *a: maps.append(a[2]))
    with torch.no_grad():
        net(digits_run.preprocessing.evaluation(torch.from_numpy(
            np.stack([digits_run.preprocessing.fit(image) for image in images]))))  # fmt: skip
    np.testing.assert_allclose(found.codes, maps[0].mean((2, 3)), atol=1e-5)
    assert found.names == ("#0", "#1", "#2", "#3")
    with pytest.raises(InputError, match="no stage is named 'conv9'"):
        canon.embed(digits_run, tmp_path / "few.npz", stage="conv9")


def test_names_say_which_of_several_datasets_an_image_is_of(bar_run, tmp_path):
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", x_train=bars(2)[0])
    found = canon.embed(bar_run, [tmp_path / "a.npz", tmp_path / "b.npz"])
    assert found.names == tuple(f"{tmp_path}/{n}.npz#{i}" for n in "ab" for i in range(2))
    with pytest.raises(InputError, match="no images to embed"):
        canon.embed(bar_run, [])


def test_unreadable_images_stop_or_are_left_out(bar_run, broken, tmp_path, capsys):
    with pytest.raises(DataError, match=r"1\.png"):
        canon.embed(bar_run, broken)
    found = canon.embed(bar_run, broken, skip_bad=True)
    assert [name[-5:] for name in found.names] == ["0.png", "2.png"]
    assert len(found.codes) == 2
    assert len(found.faults) == 1
    out = tmp_path / "codes.csv"
    assert main(["embed", str(bar_run.path), str(broken), "--out", str(out), "--skip-bad"]) == 0
    rows = list(csv.reader(out.read_text().splitlines()))
    assert rows[0] == ["file", *(f"code{i}" for i in range(10))]
    np.testing.assert_allclose(np.array(rows[1][1:], float), found.codes[0], rtol=1e-6)
    assert "left out: " in capsys.readouterr().err
    for name in ("0.png", "2.png"):
        (broken / name).unlink()
    with pytest.raises(DataError, match="none of 1 image can be read; expected one that can"):
        canon.embed(bar_run, broken, skip_bad=True)


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_codes_are_written_as_arrays_and_tables(bar_run, bar_folder, suffix, tmp_path):
    out = tmp_path / f"codes.{suffix}"
    arguments = ["embed", str(bar_run.path), str(bar_folder), "--out", str(out)]
    if suffix == "npz":
        assert main(arguments) == 0
        with np.load(out) as arrays:
            assert arrays["codes"].shape == (40, 10)
            assert arrays["names"][3].endswith("03.png")
        return
    parquet = pytest.importorskip("pyarrow.parquet")
    assert main(arguments) == 0
    assert parquet.read_table(out).num_rows == 40
