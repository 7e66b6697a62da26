"""Trained runs fused into one, used like any other."""

import json

import numpy as np
import pytest
import torch

import canon
from canon.errors import InputError, WeightsError
from tests.helpers.synthetic import make_folder

CPU = {"device": "cpu", "epochs": 2}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two LeNets on digits with other seeds, which hold back other digits."""
    place = tmp_path_factory.mktemp("members")
    return [
        canon.train(
            canon.TrainConfig("lenet5-modern", "digits", out=place / str(s), seed=s, lr=1e-3, **CPU)
        )
        for s in (0, 1)
    ]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Networks of two families, of other sizes and other normalisation, on one set of photos."""
    place = tmp_path_factory.mktemp("mixed")
    data = make_folder(place / "data", 20, side=40)
    asked = {"data": str(data), "batch": 8, **CPU}
    small = canon.TrainConfig("resnet20", out=place / "small", image=16, **asked)
    large = canon.TrainConfig("prototype", out=place / "large", image=32, seed=0, **asked)
    return data, [canon.train(small), canon.train(large)]


def test_probabilities_are_the_weighted_mean_of_the_members(runs, tmp_path):
    fused = canon.ensemble(runs, weights=[3, 1], out=tmp_path / "fused")
    nets = [run.network().eval() for run in runs]
    x = torch.rand(4, 1, 28, 28)
    first, second = (run.preprocessing for run in runs)
    assert fused.preprocessing.image == first.stored == 28
    with torch.inference_mode():
        p = [
            net(torch.nn.functional.pad((x - how.mean[0]) / how.std[0], (2,) * 4, mode="replicate"))
            .softmax(1)
            for net, how in zip(nets, (first, second), strict=True)
        ]  # fmt: skip
        said = fused.network().eval()(x).softmax(1)
    torch.testing.assert_close(said, 0.75 * p[0] + 0.25 * p[1], rtol=1e-4, atol=1e-6)


def test_weights_come_from_validation_accuracy(runs, tmp_path):
    fused = canon.ensemble(runs, out=tmp_path / "fused")
    for member, run in zip(fused.facts["members"], runs, strict=True):
        assert member["weight"] == run.metrics()[-1]["scores"]["top1"]


def test_only_samples_that_no_member_trained_on_validate_it(runs, tmp_path):
    fused = canon.ensemble(runs, out=tmp_path / "fused")
    held = [set(run.facts["split"]["val"]) for run in runs]
    assert set(fused.facts["split"]["val"]) == held[0] & held[1]
    split, scores = canon.evaluate(fused, device="cpu")
    assert (split, scores.count) == ("val", len(held[0] & held[1]))
    assert 0 < scores.count < len(held[0])


def test_without_images_that_all_held_back_it_is_measured_on_other_data_only(runs, mixed, tmp_path):
    some = make_folder(tmp_path / "some", 6)
    few = [
        canon.train(canon.TrainConfig("prototype", str(some), out=tmp_path / str(s), seed=s,
                                   image=16, **CPU))
        for s in range(4)
    ]  # fmt: skip
    held = set.intersection(*(set(run.facts["split"]["val"]) for run in few))
    assert held == set()
    for apart in (few, [few[0], mixed[1][0]]):  # the second: other data with the same classes
        fused = canon.ensemble(apart, weights="equal", out=tmp_path / f"fused{len(apart)}")
        assert fused.facts["split"] is None
        with pytest.raises(InputError, match="kept no images of one set from all of them"):
            canon.evaluate(fused, device="cpu")
        assert canon.evaluate(fused, str(some), device="cpu")[1].count == 12


def test_members_of_other_sizes_share_one_input_and_it_predicts_files(mixed, tmp_path):
    data, members = mixed
    fused = canon.ensemble(members, weights="equal", out=tmp_path / "fused")
    assert fused.preprocessing.image == max(run.preprocessing.stored for run in members)
    file = next(data.glob("light/*.png"))
    (alone,), (other,), (said,) = (
        list(canon.predict(run, [file], device="cpu")) for run in (*members, fused)
    )
    chances = [dict(zip(p.classes, p.probabilities, strict=True)) for p in (alone, other, said)]
    mean = (chances[0]["light"] + chances[1]["light"]) / 2
    # One of them sees the shared square scaled once more, not the file: nearly the mean.
    assert chances[2]["light"] == pytest.approx(mean, abs=0.05)
    _, scores = canon.evaluate(fused, str(data), device="cpu")
    assert scores.count > 0


def test_it_exports_like_one_network(mixed, tmp_path):
    fused = canon.ensemble(mixed[1], out=tmp_path / "fused")
    net, side = fused.network().eval(), fused.preprocessing.image
    x = torch.rand(2, 3, side, side)
    program = torch.export.export(net, (x,))
    torch.testing.assert_close(program.module()(x), net(x), rtol=1e-4, atol=1e-5)


def test_other_classes_channels_and_counts_are_refused(runs, mixed, tmp_path):
    with pytest.raises(InputError, match=r"have different classes, 10 \(0, 1, 2, ...\) and 2"):
        canon.ensemble([runs[0], mixed[1][0]], out=tmp_path / "no")
    with pytest.raises(InputError, match=r"1 run\(s\) are no ensemble; expected two or more"):
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
    half.facts = {k: v for k, v in half.facts.items() if k != "result"}
    half.path = tmp_path / "half"
    with pytest.raises(InputError, match=r"half was not trained to its end; expected finished"):
        canon.ensemble([runs[1], half], out=tmp_path / "no")
    fused = canon.ensemble(runs, out=tmp_path / "fused")
    with pytest.raises(InputError, match="an ensemble has no dense protocol"):
        canon.evaluate(fused, protocol="dense", device="cpu")
    with pytest.raises(InputError, match="an ensemble cannot be a member"):
        canon.ensemble([runs[0], fused], out=tmp_path / "no")
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
    fused = canon.ensemble(runs, out=tmp_path / "fused")
    other = canon.ensemble(mixed[1], out=tmp_path / "other")
    (other.path / "model.safetensors").replace(fused.path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"does not hold the weights of ensemble: .*more"):
        canon.load_run(fused.path).network()


def test_the_folder_is_named_after_the_data_and_holds_its_members(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fused = canon.ensemble(runs)
    assert str(fused.path) == "runs/ensemble-digits"
    facts = json.loads((fused.path / "run.json").read_text())
    assert [member["model"] for member in facts["members"]] == ["lenet5-modern"] * 2
    assert np.isfinite(canon.evaluate(fused, device="cpu")[1].loss)
