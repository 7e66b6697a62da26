"""The figures: published numbers that follow from arithmetic are reproduced; others are measured.

The published numbers are in the modules, with their sources; what is found comes from networks and
tensors. A figure whose numbers must agree is listed here, so that an edit of either is seen.
"""

import json

import pytest
import torch

from canon.reproduce.arithmetic.ilsvrc import longest_path
from canon.reproduce.figures import FIGURES, find
from canon.reproduce.result import Work
from canon.reproduce.training import chairs, degradation, features
from canon.reproduce.training.curves import settings, train_classifier
from canon.reproduce.training.degradation import Curve, conclusion
from canon.runs.config import TrainConfig

EXACT = ("output-sizes", "lenet5", "ilsvrc", "vgg", "pointwise", "interpolation", "unpooling",
         "unet")  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_published_numbers_that_follow_from_arithmetic_are_found(name):
    result = find(name).run(Work())
    compared = [row for row in result.rows if row.equal is not None]
    assert compared
    assert [row.name for row in compared if not row.equal] == []
    assert "Different" not in result.conclusion
    assert result.pictures


def test_the_courses_rounded_multiplications_are_off_by_what_it_rounds():
    """5 x 5 x 200 x 32 x 32 x 92 = 471.04 million, printed as 470; with reductions 40.96, as 40."""
    result = find("inception").run(Work())
    off = {row.difference for row in result.rows if row.equal is False}
    assert off == {"+1.04e+06 (+0.2 %)", "+9.6e+05 (+2.4 %)"}
    assert "5 of 7 published numbers are reproduced. Different:" in result.conclusion


def test_depth_is_the_longest_path_of_any_network():
    """Not the number of layers: GoogLeNet has 57 convolutions, ResNet-152 four projections."""
    assert [longest_path(name) for name in ("lenet5-modern", "resnet50")] == [5, 50]


class TestConclusions:
    """What is said follows from the numbers, also where the claim fails."""

    def curves(self, plain, residual):
        return [
            Curve(f"{kind}{depth}", seed, (0.9, error), (0.9, error))
            for kind, errors in (("plain", plain), ("resnet", residual))
            for depth, several in zip((20, 56), errors, strict=True)
            for seed, error in enumerate(several)
        ]

    def test_degradation_in_all_seeds_is_said(self):
        text = conclusion(self.curves([[0.1, 0.2], [0.5, 0.6]], [[0.1, 0.1], [0.05, 0.05]]))
        assert text.startswith("Plain nets degrade with depth in 2 of 2 seeds")
        assert "lower training error than plain56 in 2 of 2" in text
        assert text.endswith("that of the shallowest residual net in 0.")

    def test_degradation_that_is_not_shown_is_said(self):
        text = conclusion(self.curves([[0.5, 0.2], [0.1, 0.6]], [[0.1, 0.1], [0.3, 0.05]]))
        assert text.startswith("Degradation is NOT shown. Plain nets degrade with depth in 1 of 2")
        assert "than plain56 in 1 of 2 seeds" in text
        assert text.endswith("that of the shallowest residual net in 1.")


def test_errors_of_a_training_run_are_those_of_its_network():
    config = settings("lenet5-modern", "digits", epochs=2, val=0.3)
    found = train_classifier(config, Work(), by_epoch=True)
    assert [len(errors) for errors in found.errors.values()] == [2, 2]
    with torch.no_grad():
        for split in ("train", "val"):
            wrong = found.net.eval()(found.images[split]).argmax(1) != found.labels[split]
            assert found.errors[split][-1] == pytest.approx(float(wrong.float().mean()))
    assert len(found.labels["train"]) + len(found.labels["val"]) == 1797


class InterruptedTrainingError(Exception):
    """Ctrl-C at some moment."""


def test_an_interrupted_run_of_full_scale_is_resumed(tmp_path):
    """Epochs that are finished are not trained again, and their errors are those of before."""
    config = settings("lenet5-modern", "digits", epochs=3, val=0.5, seed=1)
    seen = []

    def interrupt(what, done, total):
        seen.append(what)
        if "epoch 3" in what:
            raise InterruptedTrainingError

    with pytest.raises(InterruptedTrainingError):
        train_classifier(config, Work("full", interrupt, tmp_path), by_epoch=True)
    first = json.loads((tmp_path / "runs" / "lenet5-modern-seed1.errors.json").read_text())
    assert [*first] == ["1", "2"]
    again = []
    work = Work("full", lambda *step: again.append(step[0]), tmp_path)
    found = train_classifier(config, work, by_epoch=True)
    assert {"epoch 3" in what for what in again} == {True}
    assert found.errors["train"][:2] == [first["1"]["train"], first["2"]["train"]]
    whole = train_classifier(config, Work(), by_epoch=True)
    assert found.errors == whole.errors  # as if it had never been interrupted


def test_selectivity_is_the_share_of_variance_between_classes():
    """One channel that is the class, one that is noise with equal means, one that is constant."""
    labels = torch.tensor([0, 0, 1, 1])
    channels = torch.tensor([[0.0, 1, 5], [0, -1, 5], [1, 1, 5], [1, -1, 5]])
    assert features.selectivity(channels[..., None, None], labels) == pytest.approx(0.5)


@pytest.mark.slow
def test_degradation_is_measured_by_training(tmp_path):
    several = [settings(model, "digits", recipe="paper", image=8, epochs=1, batch=128, lr=0.02,
                        augment="none", val=0.5) for model in ("plain20", "resnet20")]  # fmt: skip
    result = degradation.measure(several, Work())
    assert [row.name.split(":")[0] for row in result.rows[::2]] == ["plain20", "resnet20"]
    assert all(0 <= float(row.found) <= 100 for row in result.rows)
    assert len(result.pictures) == 1


@pytest.mark.slow
def test_chairs_are_drawn_between_two():
    chosen = chairs.Setting(TrainConfig("chairs-64", "chairs", width=4, epochs=1, device="cpu"), 3)
    result = chairs.measure(chosen, Work())
    error, nearest, largest, _ = (row.found for row in result.rows)
    assert error > nearest  # one epoch draws nothing yet, and the conclusion says so
    assert "NOT better" in result.conclusion
    assert largest >= 1 / 8  # of eight steps that make up at least the whole change


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [f.name for f in FIGURES if f.name not in (*EXACT, "inception", "clustering")]
)
def test_every_other_figure_runs_at_small_scale(name):
    result = find(name).run(Work())
    assert result.rows
    assert result.pictures
    off = [row.name for row in result.rows if row.equal is False]
    assert all("factor of a layer" in row for row in off)  # theory is for infinitely wide layers
    assert " NOT " not in result.conclusion or name == "chairs"


@pytest.mark.slow
def test_clustering_runs_at_small_scale():
    pytest.importorskip("umap")
    assert "is reproduced" in find("clustering").run(Work()).conclusion


def test_full_scale_of_degradation_is_figure_6():
    """He et al.: plain nets of 20 to 56 layers, residual nets of 20 to 110, on CIFAR-10."""
    several = degradation.configs("full")
    depths = {kind: [int(c.model.removeprefix(kind)) for c in several if c.model.startswith(kind)]
              for kind in ("plain", "resnet")}  # fmt: skip
    assert depths == {"plain": [20, 32, 44, 56], "resnet": [20, 32, 44, 56, 110]}
    assert {c.data for c in several} == {"cifar10"}
