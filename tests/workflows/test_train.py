"""Training runs: the run folder, its result, and what each option does."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.errors import InputError
from canon.runs.config import TrainConfig
from canon.runs.folder import METRICS, REPORT
from canon.runs.migrate import FORMAT
from canon.runs.open import open_run
from canon.training.events import Epoch
from canon.workflows.train import Note, train, train_events
from tests.helpers.synthetic import make_folder

CPU = {"device": "cpu"}


def test_a_run_folder_holds_record_weights_state_metrics_and_report(digits_run):
    assert {p.name for p in digits_run.path.iterdir()} == {
        ".lock", "run.json", "model.safetensors", "state", "metrics.jsonl", "report.html"
    }  # fmt: skip
    content = json.loads((digits_run.path / "run.json").read_text())
    assert content["format"] == FORMAT
    assert content["data"]["classes"] == list("0123456789")
    assert content["model_args"] == {"classes": 10, "channels": 1, "image": 32, "seed": 0}
    assert len(content["split"]["val"]) == content["result"]["count"] == 359
    assert content["versions"]["torch"] == torch.__version__
    lines = [json.loads(line) for line in (digits_run.path / METRICS).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["metrics"]["top1"] == content["result"]["top1"] > 0.85


def test_a_run_is_evaluated_to_its_recorded_result(digits_run):
    split, metrics = canon.evaluate(canon.load_run(digits_run.path), device="cpu")
    assert split == "val"
    result = digits_run.record.result
    assert metrics.summary() == {k: pytest.approx(result[k]) for k in metrics.summary()}


def test_a_network_learns_from_a_folder(pictures_run):
    split, metrics = canon.evaluate(pictures_run, device="cpu")
    assert split == "val"
    assert metrics.top(1) > 0.7


def test_one_seed_gives_one_set_of_weights(tmp_path):
    nets = []
    for name in ("a", "b", "c"):
        config = TrainConfig(
            "lenet5-modern", "digits", out=tmp_path / name, epochs=1, seed=int(name == "c"), **CPU
        )
        nets.append(train(config).network().state_dict())
    assert all(torch.equal(nets[0][k], nets[1][k]) for k in nets[0])
    assert any(not torch.equal(nets[0][k], nets[2][k]) for k in nets[0])


def test_patience_keeps_the_best_weights(tmp_path):
    config = TrainConfig(
        "lenet5-modern", "digits", out=tmp_path / "run", epochs=12, patience=2, lr=0.03, **CPU
    )
    epochs = [e for e in train_events(config) if isinstance(e, Epoch)]
    run = open_run(tmp_path / "run")
    best = max(e.metrics.top(1) for e in epochs)
    assert run.record.result["top1"] == pytest.approx(best)


def test_16_bit_grey_images_keep_their_range(tmp_path):
    random = np.random.default_rng(0)
    for label, name in enumerate(("dim", "bright")):
        (tmp_path / "deep" / name).mkdir(parents=True)
        for i in range(10):  # apart by less than one level of eight bits
            pixels = random.integers(0, 20, (20, 20)) + 1000 + 100 * label
            Image.fromarray(pixels.astype(np.uint16)).save(tmp_path / "deep" / name / f"{i}.png")
    config = TrainConfig(
        "lenet5-modern", str(tmp_path / "deep"), out=tmp_path / "run", epochs=20, **CPU
    )
    run = train(config)
    assert run.preprocessing.bits == 16
    assert run.record.result["top1"] == 1.0
    assert (run.path / REPORT).exists()


def test_colour_images_are_mirrored_and_grey_ones_are_not(digits_run, pictures_run):
    assert not digits_run.recipe.images.augmentation.flip
    assert pictures_run.recipe.images.augmentation.flip


def test_notes_give_the_splits_and_the_resizing(tmp_path):
    events = train_events(TrainConfig("lenet5", "digits", out=tmp_path / "run", epochs=1, **CPU))
    notes = " ".join(e.text for e in events if isinstance(e, Note))
    assert "1,438 train, 359 val" in notes
    resized = "images of 8 x 8 are resized to 32 x 32, with 2 pixels of repeated edge on each side"
    assert resized in notes


def test_a_test_split_is_evaluated_at_the_end_only(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (90, 16, 16, 3), np.uint8), np.arange(90) % 3
    np.savez(tmp_path / "a.npz", x_train=x[:60], y_train=y[:60], x_test=x[60:], y_test=y[60:])
    run = train(
        TrainConfig("resnet20", str(tmp_path / "a.npz"), out=tmp_path / "run", epochs=1, **CPU)
    )
    assert run.metrics()[0]["metrics"]["count"] == 6
    assert run.record.result | {"split": "test", "count": 30} == run.record.result
    with pytest.raises(InputError, match=r"need a validation split.*--val 0\.1"):
        train(
            TrainConfig(
                "resnet20", str(tmp_path / "a.npz"), out=tmp_path / "b", val=0, patience=3, **CPU
            )
        )


def test_a_given_learning_rate_is_not_scaled(tmp_path):
    folder = make_folder(tmp_path / "few", 5)
    run = train(
        TrainConfig(
            "resnet20", str(folder), out=tmp_path / "run", epochs=1, lr=0.01, image=16, **CPU
        )
    )
    assert run.recipe.lr == 0.01
    assert run.recipe.batch == 2


def test_images_of_the_size_of_lenet_get_no_border(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (40, 32, 32), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(40) % 2)
    run = train(
        TrainConfig("lenet5-modern", str(tmp_path / "a.npz"), out=tmp_path / "run", epochs=1, **CPU)
    )
    assert run.preprocessing.border == 0


def test_the_method_of_1998_trains_with_a_frozen_stage(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(24) % 2)
    run = train(TrainConfig("lenet5", str(tmp_path / "a.npz"), out=tmp_path / "run", recipe="paper",
                         epochs=1, freeze="c1", **CPU))  # fmt: skip
    assert run.record.result["split"] == "train"


def test_a_built_in_dataset_comes_before_a_folder_of_its_name(tmp_path, monkeypatch):
    make_folder(tmp_path / "digits", 3)
    monkeypatch.chdir(tmp_path)
    run = train(TrainConfig("lenet5-modern", "digits", out=tmp_path / "run", epochs=1, **CPU))
    assert run.record.data.source == "digits"
    assert canon.evaluate(run, **CPU)[1].count == 359
