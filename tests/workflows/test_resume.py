"""Resumed runs: the same weights as without an interruption, and what may not change."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import canon
from canon.cli import main
from canon.errors import InputError
from canon.recipes import paper
from canon.runs import plan
from canon.runs.config import TrainConfig
from canon.runs.open import open_run
from canon.utils.progress import Step
from canon.workflows.train import train, train_events
from tests.helpers.synthetic import make_folder

CPU = {"device": "cpu"}


@pytest.fixture
def place(pictures_run, tmp_path):
    """A copy of the run on pictures and of its data, to be changed."""
    base = pictures_run.path.parent
    copy = Path(shutil.copytree(base, tmp_path / "place"))
    text = (copy / "run" / "run.json").read_text().replace(str(base), str(copy))
    (copy / "run" / "run.json").write_text(text)
    return copy


def test_an_interrupted_run_resumes_to_the_same_weights(tmp_path):
    config = TrainConfig("lenet5-modern", "digits", out=tmp_path / "whole", epochs=2, **CPU)
    whole = train(config)
    events = train_events(replace(config, out=tmp_path / "cut"))
    for event in events:
        if isinstance(event, Step) and event.epoch == 2 and event.done == 7:
            break
    events.close()
    resumed = train(replace(config, out=tmp_path / "cut", resume=True))
    ours, theirs = whole.network().state_dict(), resumed.network().state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    losses = [[line["epoch"], line["loss"], line["metrics"]["loss"]] for line in whole.metrics()]
    assert losses == [
        [line["epoch"], line["loss"], line["metrics"]["loss"]] for line in resumed.metrics()
    ]


def test_a_resumed_run_takes_its_seed_from_its_record(tmp_path):
    config = TrainConfig("lenet5-modern", "digits", out=tmp_path / "whole", epochs=2, seed=3, **CPU)
    whole = train(config)
    train(replace(config, out=tmp_path / "cut", epochs=1))
    shutil.rmtree(tmp_path / "cut" / "state")
    again = TrainConfig("lenet5-modern", out=tmp_path / "cut", epochs=2, resume=True, **CPU)
    resumed = train(again)
    ours, theirs = whole.network().state_dict(), resumed.network().state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_a_record_without_the_newer_options_resumes(place):
    content = json.loads((place / "run" / "run.json").read_text())
    segmentation = ("class_weights", "border_weight", "dice_weight")
    for flag in ("width", "depth", "upsampling", "backbone", *segmentation):
        del content["config"][flag]
    del content["recipe"]["filters"]
    (place / "run" / "run.json").write_text(json.dumps(content))
    config = TrainConfig(
        "resnet20", str(place / "pictures"), out=place / "run", resume=True, epochs=7
    )
    assert len(train(config).metrics()) == 7


def test_a_recipe_without_the_newer_fields_is_evaluated_and_resumes(pictures_run, tmp_path):
    old = Path(shutil.copytree(pictures_run.path, tmp_path / "old"))
    content = json.loads((old / "run.json").read_text())
    recipe = content["recipe"]
    for field in ("filters", "clip"):
        del recipe[field]
    for field in ("protocol", "scales"):
        del recipe["images"][field]
    for field in ("scale", "area", "distort"):
        del recipe["images"]["augmentation"][field]
    (old / "run.json").write_text(json.dumps(content))
    _, metrics = canon.evaluate(open_run(old), protocol="dense", **CPU)
    _, expected = canon.evaluate(pictures_run, protocol="dense", **CPU)
    assert metrics.losses == pytest.approx(expected.losses)
    pictures = str(pictures_run.path.parent / "pictures")
    run = train(TrainConfig("resnet20", pictures, out=old, resume=True, epochs=7, **CPU))
    assert len(run.metrics()) == 7


def test_a_recipe_with_distortions_resumes_to_the_same_weights(tmp_path):
    """Kornia's patches, RMSProp and the exponential rate, through run.json."""
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
    assert cut.recipe.images.augmentation.distort == 0.5
    ours, theirs = whole.network().state_dict(), cut.network().state_dict()
    assert all((ours[k] == theirs[k]).all() for k in ours)


def test_a_resumed_run_trains_more_epochs_and_records_them(place, capsys):
    flags = ["train", "resnet20", str(place / "pictures"), "--out", str(place / "run"), "--resume"]
    assert main([*flags, "--epochs", "7", "--device", "cpu"]) == 0
    assert "epoch 7/7" in capsys.readouterr().out
    content = json.loads((place / "run" / "run.json").read_text())
    assert content["recipe"]["epochs"] == content["config"]["epochs"] == 7
    assert main([*flags, "--device", "cpu"]) == 0
    assert "images/s" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "value"), [("lr", 0.5), ("seed", 3), ("batch", 2), ("precision", "bf16")]
)
def test_a_resumed_run_refuses_other_flags(place, flag, value):
    config = TrainConfig(
        "resnet20", out=place / "run", resume=True, epochs=7, **{flag: value}, **CPU
    )
    with pytest.raises(
        InputError, match=f"--{flag} is {value}, but the run was started with .*Leave --{flag} out"
    ):
        train(config)


def test_a_resumed_run_refuses_fewer_epochs_and_stays_as_it_was(place):
    before = (place / "run" / "run.json").read_bytes()
    config = TrainConfig("resnet20", out=place / "run", resume=True, epochs=5, **CPU)
    with pytest.raises(InputError, match="--epochs is 5, but the run was started with 6; expected"):
        train(config)
    assert (place / "run" / "run.json").read_bytes() == before


def test_a_resumed_run_refuses_other_data(place):
    config = TrainConfig("resnet20", "other", out=place / "run", resume=True, epochs=7, **CPU)
    with pytest.raises(InputError, match="DATA is other, but the run was started with pictures"):
        train(config)


def test_a_run_that_stopped_early_does_not_train_more_when_resumed(tmp_path):
    config = TrainConfig(
        "lenet5-modern", "digits", out=tmp_path / "run", epochs=9, patience=1, lr=0.2, **CPU
    )
    lines = len(train(config).metrics())
    assert lines < 9
    assert (
        len(train(TrainConfig("lenet5-modern", out=tmp_path / "run", resume=True, **CPU)).metrics())
        == lines
    )


def test_an_interruption_before_the_folder_exists_leaves_nothing(tmp_path):
    events = train_events(TrainConfig("lenet5-modern", "digits", out=tmp_path / "run", **CPU))
    events.close()
    assert list(tmp_path.iterdir()) == []
    events = train_events(
        TrainConfig("lenet5-modern", "digits", out=tmp_path / "run", epochs=1, **CPU)
    )
    for event in events:
        if isinstance(event, Step):
            break
    events.close()
    assert [p.name for p in sorted((tmp_path / "run").iterdir())] == [".lock", "run.json", "state"]
