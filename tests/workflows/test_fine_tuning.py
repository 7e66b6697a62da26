"""Training from the weights of another run."""

import shutil

import numpy as np
import pytest
import torch

from canon.data import Preprocessing
from canon.errors import WeightsError
from canon.models import build
from canon.runs.config import TrainConfig
from canon.runs.folder import Run
from canon.runs.initial_weights import load_initial_weights
from canon.runs.open import open_run
from canon.runs.record import DataRecord, RunRecord
from canon.workflows.train import Note, train, train_events
from tests.helpers.synthetic import make_folder

CPU = {"device": "cpu"}


def test_fine_tuning_keeps_frozen_stages_and_gives_other_classes_a_new_head(digits_run, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    np.savez(tmp_path / "two.npz", x_train=x, y_train=np.arange(60) % 2)
    config = TrainConfig("lenet5-modern", str(tmp_path / "two.npz"), out=tmp_path / "tuned",
                     epochs=2, weights=digits_run.path, freeze="c3", **CPU)  # fmt: skip
    notes = [e.text for e in train_events(config) if isinstance(e, Note)]
    assert any("new weights for head.output.weight, head.output.bias" in note for note in notes)
    before, after = (
        digits_run.network().state_dict(),
        open_run(tmp_path / "tuned").network().state_dict(),
    )
    for name, tensor in before.items():
        if name.startswith(("features.c1", "features.c3")):
            assert torch.equal(tensor, after[name])
    assert not torch.equal(before["features.c5.0.weight"], after["features.c5.0.weight"])
    assert after["head.output.weight"].shape == (2, 84)


def test_training_starts_from_the_given_weights(digits_run, tmp_path):
    config = TrainConfig("lenet5-modern", "digits", out=tmp_path / "more", epochs=1, lr=1e-9,
                     weights=digits_run.path, **CPU)  # fmt: skip
    assert train(config).record.result["top1"] == pytest.approx(
        digits_run.record.result["top1"], abs=0.03
    )


def test_a_fine_tuning_without_a_state_resumes_from_its_initial_weights(pictures_run, tmp_path):
    pictures = str(pictures_run.path.parent / "pictures")
    config = TrainConfig("resnet20", pictures, out=tmp_path / "tuned", epochs=1,
                     image=16, lr=1e-9, weights=pictures_run.path, **CPU)  # fmt: skip
    whole = train(config).network().state_dict()
    shutil.rmtree(tmp_path / "tuned" / "state")
    (tmp_path / "tuned" / "model.safetensors").unlink()
    again = (
        train(TrainConfig("resnet20", out=tmp_path / "tuned", resume=True, **CPU))
        .network()
        .state_dict()
    )
    assert all(np.allclose(whole[k], again[k]) for k in whole)


def test_weights_of_another_function_are_refused_though_the_keys_fit(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(40) % 2)
    train(TrainConfig("plain20", str(tmp_path / "a.npz"), out=tmp_path / "run", epochs=1, **CPU))
    message = (
        "were trained for 'plain20', not 'resnet20': the keys match, but the architecture differs"
    )
    with pytest.raises(WeightsError, match=message):
        train(TrainConfig("resnet20", str(tmp_path / "a.npz"), weights=tmp_path / "run", **CPU))


def test_the_same_number_of_other_classes_gives_a_new_head(pictures_run, tmp_path):
    other = make_folder(tmp_path / "other", 8, ("dusk", "dawn"))
    config = TrainConfig("resnet20", str(other), out=tmp_path / "run", epochs=1, image=16,
                     weights=pictures_run.path, **CPU)  # fmt: skip
    assert train(config).record.weights.replaced == ("head.fc.weight", "head.fc.bias")


def test_auxiliary_heads_are_replaced_with_the_head_if_classes_differ(tmp_path):
    arguments = {"classes": 3, "channels": 3, "image": 96, "seed": 0}
    net = build("googlenet", **arguments)
    prep = Preprocessing(96, 3)
    data = DataRecord("photos", ("a", "b", "c"), {"kind": "label"})
    run = Run(tmp_path, RunRecord("googlenet", "classify", prep, data, None, arguments))
    run.save_record()
    run.save_weights(net)
    other = build("googlenet", **arguments | {"classes": 2, "seed": 1})
    initial = load_initial_weights(other, TrainConfig("googlenet", weights=tmp_path), ("x", "y"))
    assert sorted(initial.loaded.replaced) == sorted(
        f"{part}.{kind}"
        for part in ("head.fc", "aux1.fc2", "aux2.fc2")
        for kind in ("weight", "bias")
    )
    assert (other.features.conv1[0].weight == net.features.conv1[0].weight).all()
    assert (other.aux1.fc1.weight == net.aux1.fc1.weight).all()
