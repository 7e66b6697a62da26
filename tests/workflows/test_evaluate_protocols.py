"""Testing a run as the papers do, and recipes that come back from run.json."""

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import canon
from canon.cli import main
from canon.errors import InputError
from canon.models import build, names
from canon.recipes import modern, paper
from canon.runs import plan, resume
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.runs.initial_weights import load_initial_weights
from canon.runs.open import open_run
from canon.workflows.train import train
from tests.helpers.synthetic import make_folder

CPU = {"device": "cpu"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A run on pictures that are larger than its input."""
    place = tmp_path_factory.mktemp("photos")
    make_folder(place / "pictures", 10, side=24)
    asked = TrainConfig(
        "resnet20", str(place / "pictures"), out=place / "run", epochs=5, image=16, **CPU
    )
    return train(asked)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A run on arrays, with a border and without room for crops."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    return train(TrainConfig("lenet5-modern", "digits", out=out, epochs=3, **CPU))


@pytest.mark.parametrize("protocol", ["1-crop", "10-crop", "multi-crop", "dense"])
def test_every_protocol_scores_all_samples_of_the_same_split(photos, protocol):
    split, scores = canon.evaluate(photos, protocol=protocol, **CPU)
    assert (split, scores.count) == ("val", 4)
    assert scores.labels.tolist() == [0, 0, 1, 1]
    assert scores.top(1) >= 0.75
    assert set(scores.summary()) == {"count", "loss", "top1", "top1_interval", "top5"}


@pytest.mark.parametrize("protocol", ["10-crop", "multi-crop", "dense"])
def test_protocols_work_on_arrays_and_with_a_border(digits, protocol):
    few = digits.facts["result"]["top1"]
    _, scores = canon.evaluate(digits, protocol=protocol, **CPU)
    assert scores.count == 359
    assert scores.top(1) > few - 0.3


def test_dense_at_one_scale_on_an_image_of_the_input_s_size_is_the_mean_of_it_and_its_mirror(
    photos, tmp_path
):
    import torch
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    for name, image in zip(("dark", "light"), pixels, strict=True):
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "a.png")
    run = Run(photos.path, photos.facts | {"recipe": photos.facts["recipe"] | {"scales": [1.0]}})
    _, scores = canon.evaluate(run, str(tmp_path), protocol="dense", **CPU)
    how, net = run.preprocessing, run.network().eval()
    with torch.no_grad():
        x = how.normalise(torch.from_numpy(pixels))
        p = (net(x).softmax(1) + net(x.flip(3)).softmax(1)) / 2
    assert scores.losses == pytest.approx(-p[[0, 1], [0, 1]].log().numpy(), rel=1e-4)


def test_steps_can_be_watched(photos):
    seen = []
    canon.evaluate(photos, protocol="10-crop", watch=seen.append, **CPU)
    assert [(step.done, step.batches) for step in seen] == [(i, 4) for i in range(1, 5)]


def test_a_run_without_the_newer_fields_is_tested_and_goes_on(photos, tmp_path):
    old = Path(shutil.copytree(photos.path, tmp_path / "old"))
    facts = json.loads((old / "run.json").read_text())
    for field in ("protocol", "scales", "alpha", "eps", "factor", "every", "filters"):
        del facts["recipe"][field]
    for field in ("scale", "area", "distort"):
        del facts["recipe"]["augmentation"][field]
    (old / "run.json").write_text(json.dumps(facts))
    _, scores = canon.evaluate(open_run(old), protocol="dense", **CPU)
    assert scores.losses == pytest.approx(canon.evaluate(photos, protocol="dense", **CPU)[1].losses)
    run = train(TrainConfig("resnet20", out=old, resume=True, epochs=6, **CPU))
    assert len(run.metrics()) == 6


@pytest.mark.parametrize("make", [modern, paper])
def test_a_recipe_comes_back_from_json_as_it_was(make):
    for name in names():
        try:
            recipe = make(name)
        except InputError:
            continue
        read = json.loads(json.dumps(asdict(recipe)))
        assert resume.recorded_recipe(read, TrainConfig(name)) == recipe


def test_a_recipe_that_distorts_trains_and_goes_on_to_the_same_end(tmp_path):
    """Kornia's patches, RMSProp and the exponential rate, through run.json."""
    from canon.utils.progress import Step
    from canon.workflows.train import train_events

    pictures = str(make_folder(tmp_path / "pictures", 8, side=20))
    numbers = {"recipe": "paper", "epochs": 2, "image": 20, "seed": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "paper", lambda _: paper("inception-v3"))
        whole = train(TrainConfig("resnet20", pictures, out=tmp_path / "whole", **numbers, **CPU))
        events = train_events(
            TrainConfig("resnet20", pictures, out=tmp_path / "cut", **numbers, **CPU)
        )
        for event in events:
            if isinstance(event, Step) and event.doing == "train" and event.epoch == 2:
                break
        events.close()
    cut = train(TrainConfig("resnet20", out=tmp_path / "cut", resume=True, **CPU))
    assert cut.facts["recipe"]["augmentation"]["distort"] == 0.5
    ours, theirs = whole.network().state_dict(), cut.network().state_dict()
    assert all((ours[k] == theirs[k]).all() for k in ours)


def test_without_kornia_nothing_is_read_or_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "kornia", None)
    read = []
    monkeypatch.setattr("canon.workflows.evaluate.open_checked", lambda *given: read.append(given))
    assert main(["train", "googlenet", "digits", "--recipe", "paper", "--device", "cpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'canon-nets[augment]'" in line
    assert read == []
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_distances_can_be_tested_densely(tmp_path, capsys):
    x = np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(24) % 2)
    out = str(tmp_path / "run")
    train(TrainConfig("lenet5", str(tmp_path / "a.npz"), out=Path(out), epochs=1, **CPU))
    capsys.readouterr()
    for protocol in ("dense", "10-crop"):
        assert main(["evaluate", out, "--protocol", protocol, "--device", "cpu"]) == 0
        assert f"top-1 on val, {protocol}: " in capsys.readouterr().out


def test_the_protocol_is_told_in_json(photos, capsys):
    flags = ["evaluate", str(photos.path), "--protocol", "multi-crop", "--device", "cpu", "--json"]
    assert main(flags) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["protocol"], said["split"], said["count"]) == ("multi-crop", "val", 4)


def test_an_unknown_protocol_is_one_line(photos, capsys):
    with pytest.raises(InputError, match=r"Did you mean '10-crop'\?"):
        canon.evaluate(photos, protocol="10-crops", **CPU)
    assert main(["evaluate", str(photos.path), "--protocol", "tencrop"]) == 2
    assert "tencrop" in capsys.readouterr().err


def test_auxiliary_heads_are_replaced_with_the_head_where_classes_differ(tmp_path):
    numbers = {"classes": 3, "channels": 3, "image": 96, "seed": 0}
    net = build("googlenet", **numbers)
    facts = {
        "model": "googlenet", "numbers": numbers, "data": {"classes": ["a", "b", "c"]},
        "preprocessing": {"image": 96, "channels": 3, "mean": [0.0], "std": [1.0]},
    }  # fmt: skip
    run = Run(tmp_path, facts)
    run.save_facts()
    run.save_weights(net)
    other = build("googlenet", **numbers | {"classes": 2, "seed": 1})
    start = load_initial_weights(other, TrainConfig("googlenet", weights=tmp_path), ("x", "y"))
    assert sorted(start.loaded.replaced) == sorted(
        f"{part}.{kind}"
        for part in ("head.fc", "aux1.fc2", "aux2.fc2")
        for kind in ("weight", "bias")
    )
    assert (other.features.conv1[0].weight == net.features.conv1[0].weight).all()
    assert (other.aux1.fc1.weight == net.aux1.fc1.weight).all()
