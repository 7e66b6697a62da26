"""The papers' test protocols, and recipes that are read back from run.json."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.cli import main
from canon.errors import InputError
from canon.models import names
from canon.recipes import modern, paper
from canon.recipes.from_json import recipe_from_json
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.workflows.train import train

CPU = {"device": "cpu"}


@pytest.mark.parametrize("protocol", ["1-crop", "10-crop", "multi-crop", "dense"])
def test_every_protocol_evaluates_all_images_of_the_split(pictures_run, protocol):
    split, metrics = canon.evaluate(pictures_run, protocol=protocol, **CPU)
    assert (split, metrics.count) == ("val", 4)
    assert metrics.labels.tolist() == [0, 0, 1, 1]
    assert metrics.top(1) >= 0.75
    assert set(metrics.summary()) == {"count", "loss", "top1", "top1_interval", "top5"}


@pytest.mark.parametrize("protocol", ["10-crop", "multi-crop", "dense"])
def test_protocols_work_on_arrays_and_with_a_border(digits_run, protocol):
    center = digits_run.record.result["top1"]
    _, metrics = canon.evaluate(digits_run, protocol=protocol, **CPU)
    assert metrics.count == 359
    assert metrics.top(1) > center - 0.3


def test_dense_at_one_scale_is_the_mean_over_an_image_of_input_size_and_its_mirror(
    pictures_run, tmp_path
):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    for name, image in zip(("dark", "light"), pixels, strict=True):
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "a.png")
    recipe = pictures_run.recipe
    recipe = replace(recipe, images=replace(recipe.images, scales=(1.0,)))
    run = Run(pictures_run.path, replace(pictures_run.record, recipe=recipe))
    _, metrics = canon.evaluate(run, str(tmp_path), protocol="dense", **CPU)
    prep, net = run.preprocessing, run.network().eval()
    with torch.no_grad():
        x = prep.normalize(torch.from_numpy(pixels))
        p = (net(x).softmax(1) + net(x.flip(3)).softmax(1)) / 2
    assert metrics.losses == pytest.approx(-p[[0, 1], [0, 1]].log().numpy(), rel=1e-4, abs=1e-6)


def test_steps_can_be_watched(pictures_run):
    steps = []
    canon.evaluate(pictures_run, protocol="10-crop", watch=steps.append, **CPU)
    assert [(step.done, step.batches) for step in steps] == [(i, 4) for i in range(1, 5)]


@pytest.mark.parametrize("make", [modern, paper])
def test_every_recipe_survives_json(make):
    for name in names():
        try:
            recipe = make(name)
        except InputError:
            continue
        read = json.loads(json.dumps(asdict(recipe)))
        assert recipe_from_json(read) == recipe


def test_without_kornia_no_data_is_read_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "kornia", None)
    calls = []
    monkeypatch.setattr("canon.workflows.job.open_checked", lambda *given: calls.append(given))
    assert main(["train", "googlenet", "digits", "--recipe", "paper", "--device", "cpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'canon-nets[augment]'" in line
    assert calls == []
    assert list(tmp_path.iterdir()) == []


def test_lenet5_is_evaluated_densely_and_on_crops(tmp_path, capsys):
    x = np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(24) % 2)
    out = str(tmp_path / "run")
    train(TrainConfig("lenet5", str(tmp_path / "a.npz"), out=Path(out), epochs=1, **CPU))
    capsys.readouterr()
    for protocol in ("dense", "10-crop"):
        assert main(["evaluate", out, "--protocol", protocol, "--device", "cpu"]) == 0
        assert f"val, {protocol}:\n  top-1 " in capsys.readouterr().out


def test_an_unknown_protocol_gives_one_line(pictures_run, capsys):
    with pytest.raises(InputError, match=r"Did you mean '10-crop'\?"):
        canon.evaluate(pictures_run, protocol="10-crops", **CPU)
    assert main(["evaluate", str(pictures_run.path), "--protocol", "tencrop"]) == 2
    assert "tencrop" in capsys.readouterr().err
