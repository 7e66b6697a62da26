"""Ensembles of trained runs, used like single runs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

import canon
from canon.errors import InputError, WeightsError
from tests.helpers.synthetic import make_folder

CPU = {"device": "cpu", "epochs": 2}


@pytest.fixture(scope="module")
def runs(digits_run, tmp_path_factory):
    """Two LeNets on digits with other seeds, which hold out other digits."""
    out = tmp_path_factory.mktemp("members") / "1"
    config = canon.TrainConfig("lenet5-modern", "digits", out=out, seed=1, lr=1e-3, **CPU)
    return [digits_run, canon.train(config)]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Networks of two families, of other sizes and another normalization, on one set of photos."""
    place = tmp_path_factory.mktemp("mixed")
    data = make_folder(place / "data", 20, side=40)
    config = {"data": str(data), "batch": 8, **CPU}
    small = canon.TrainConfig("resnet20", out=place / "small", image=16, **config)
    large = canon.TrainConfig("prototype", out=place / "large", image=32, seed=0, **config)
    return data, [canon.train(small), canon.train(large)]


def test_probabilities_are_the_weighted_mean_of_the_members(runs, tmp_path):
    combined = canon.ensemble(runs, weights=[3, 1], out=tmp_path / "combined")
    nets = [run.network().eval() for run in runs]
    x = torch.rand(4, 1, 28, 28)
    first, second = (run.preprocessing for run in runs)
    assert combined.preprocessing.image == first.stored == 28
    with torch.inference_mode():
        p = [
            net(pad((x - prep.mean[0]) / prep.std[0], (2,) * 4, mode="replicate"))
            .softmax(1)
            for net, prep in zip(nets, (first, second), strict=True)
        ]  # fmt: skip
        mean = combined.network().eval()(x).softmax(1)
    torch.testing.assert_close(mean, 0.75 * p[0] + 0.25 * p[1], rtol=1e-4, atol=1e-6)


def test_weights_come_from_validation_accuracy(runs, tmp_path):
    combined = canon.ensemble(runs, out=tmp_path / "combined")
    for member, run in zip(combined.record.members, runs, strict=True):
        assert member.weight == run.metrics()[-1]["metrics"]["top1"]


def test_only_images_that_all_members_held_out_validate_an_ensemble(runs, tmp_path):
    combined = canon.ensemble(runs, out=tmp_path / "combined")
    held = [set(run.record.split.val) for run in runs]
    assert set(combined.record.split.val) == held[0] & held[1]
    split, metrics = canon.evaluate(combined, device="cpu")
    assert (split, metrics.count) == ("val", len(held[0] & held[1]))
    assert 0 < metrics.count < len(held[0])


def test_without_common_held_out_images_an_ensemble_needs_other_data(runs, mixed, tmp_path):
    some = make_folder(tmp_path / "some", 6)
    few = [
        canon.train(canon.TrainConfig("prototype", str(some), out=tmp_path / str(s), seed=s,
                                   image=16, **CPU))
        for s in range(4)
    ]  # fmt: skip
    held = set.intersection(*(set(run.record.split.val) for run in few))
    assert held == set()
    for members in (few, [few[0], mixed[1][0]]):  # the second: other data with the same classes
        out = tmp_path / f"combined{len(members)}"
        combined = canon.ensemble(members, weights="equal", out=out)
        assert combined.record.split is None
        with pytest.raises(InputError, match="share no held-out images"):
            canon.evaluate(combined, device="cpu")
        assert canon.evaluate(combined, str(some), device="cpu")[1].count == 12


def test_members_of_other_sizes_share_one_input_and_it_predicts_files(mixed, tmp_path):
    data, members = mixed
    combined = canon.ensemble(members, weights="equal", out=tmp_path / "combined")
    assert combined.preprocessing.image == max(run.preprocessing.stored for run in members)
    file = next(data.glob("light/*.png"))
    (first,), (second,), (both,) = (
        list(canon.predict(run, [file], device="cpu")) for run in (*members, combined)
    )
    shares = [dict(zip(p.classes, p.probabilities, strict=True)) for p in (first, second, both)]
    mean = (shares[0]["light"] + shares[1]["light"]) / 2
    # One of them sees the shared square scaled once more, not the file: nearly the mean.
    assert shares[2]["light"] == pytest.approx(mean, abs=0.05)
    _, metrics = canon.evaluate(combined, str(data), device="cpu")
    assert metrics.count > 0


def test_an_ensemble_exports_as_one_network(mixed, tmp_path):
    combined = canon.ensemble(mixed[1], out=tmp_path / "combined")
    net, side = combined.network().eval(), combined.preprocessing.image
    x = torch.rand(2, 3, side, side)
    program = torch.export.export(net, (x,))
    torch.testing.assert_close(program.module()(x), net(x), rtol=1e-4, atol=1e-5)


def test_other_classes_channels_and_counts_are_refused(runs, mixed, tmp_path):
    with pytest.raises(InputError, match=r"have different classes, 10 \(0, 1, 2, ...\) and 2"):
        canon.ensemble([runs[0], mixed[1][0]], out=tmp_path / "no")
    with pytest.raises(InputError, match=r"needs at least two runs, got 1"):
        canon.ensemble(runs[:1], out=tmp_path / "no")
    with pytest.raises(InputError, match=r"weights 1, 2, 3 do not fit 2 runs"):
        canon.ensemble(runs, weights=[1, 2, 3], out=tmp_path / "no")
    with pytest.raises(InputError, match=r"weights 0, 1 do not fit"):
        canon.ensemble(runs, weights=[0, 1], out=tmp_path / "no")
    with pytest.raises(InputError, match="Did you mean 'accuracy'"):
        canon.ensemble(runs, weights="acuracy", out=tmp_path / "no")
    with pytest.raises(InputError, match="a run is named twice"):
        canon.ensemble([runs[0], runs[0].path], out=tmp_path / "no")
    half = canon.load_run(runs[0].path)
    half.record = replace(half.record, result=None)
    half.path = tmp_path / "half"
    with pytest.raises(InputError, match=r"half was not trained to its end; expected finished"):
        canon.ensemble([runs[1], half], out=tmp_path / "no")
    combined = canon.ensemble(runs, out=tmp_path / "combined")
    with pytest.raises(InputError, match="an ensemble has no dense protocol"):
        canon.evaluate(combined, protocol="dense", device="cpu")
    with pytest.raises(InputError, match="an ensemble cannot be a member"):
        canon.ensemble([runs[0], combined], out=tmp_path / "no")
    grey = make_folder(tmp_path / "grey", 10)
    both = [
        canon.train(canon.TrainConfig("prototype", str(grey), out=tmp_path / f"c{c}", channels=c,
                                   image=16, **CPU))
        for c in (1, 3)
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"takes 1 channels of 8 bits, .* 3 of 8; expected the"):
        canon.ensemble(both, out=tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_weights_of_another_set_of_members_are_refused(runs, mixed, tmp_path):
    combined = canon.ensemble(runs, out=tmp_path / "combined")
    other = canon.ensemble(mixed[1], out=tmp_path / "other")
    (other.path / "model.safetensors").replace(combined.path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"does not match ensemble: .*more"):
        canon.load_run(combined.path).network()


def test_the_folder_is_named_after_the_data_and_records_the_members(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    combined = canon.ensemble(runs)
    assert str(combined.path) == "runs/ensemble-digits"
    content = json.loads((combined.path / "run.json").read_text())
    assert [member["model"] for member in content["members"]] == ["lenet5-modern"] * 2
    assert np.isfinite(canon.evaluate(combined, device="cpu")[1].loss)
