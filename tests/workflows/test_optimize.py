"""Choosing an engine: for runs, whose predictions then use it, and for any module."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from torch import nn

import canon
from canon.cli import main
from canon.deploy import choose
from canon.deploy.quantize import require_samples
from canon.errors import InputError
from canon.runs.chosen_engine import chosen_engine, machine, versions
from canon.runs.open import open_run
from canon.workflows.optimize import fastest_network
from tests.helpers.commands import refused


@pytest.fixture(scope="module")
def measured(digits_run, tmp_path_factory):
    """A run whose engines were measured."""
    folder = tmp_path_factory.mktemp("measured") / "run"
    shutil.copytree(digits_run.path, folder)
    canon.optimize(folder, budget=12)
    return open_run(folder)


@pytest.fixture
def images(tmp_path):
    from PIL import Image

    for i in range(3):
        Image.new("L", (8, 8), 80 * i).save(tmp_path / f"{i}.png")
    return tmp_path


@pytest.mark.slow
def test_the_choice_is_written_with_machine_versions_and_figures(measured):
    chosen = chosen_engine(measured)
    assert chosen.machine == machine()
    assert chosen.versions == versions()
    torch_alone = next(one for one in chosen.results if one.kind == "torch")
    best = chosen.results[0]
    assert best.seconds < torch_alone.seconds
    assert best.low <= best.seconds <= best.high
    assert best.memory > 2**20


@pytest.mark.slow
def test_predictions_use_the_engine_and_are_those_of_torch(measured, images):
    ours = [*canon.predict(measured, images, top=3)]
    theirs = [*canon.predict(measured, images, top=3, engine="torch", device="cpu")]
    assert fastest_network(measured, print).engine is not None
    assert ours == [
        replace(one, probabilities=pytest.approx(one.probabilities, abs=1e-5)) for one in theirs
    ]


@pytest.mark.slow
def test_on_another_machine_it_is_measured_again(measured, images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("moved") / "run"
    shutil.copytree(measured.path, folder)
    record = folder / "export" / "engine.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps(content | {"machine": {"cpu": "another"}, "budget": 3.0}))
    notes = []
    found = [*canon.predict(folder, images, note=notes.append)]
    assert notes == ["this is another machine: measuring engines again, 3 seconds at most"]
    assert len(found) == 3
    assert chosen_engine(open_run(folder)).machine == machine()


@pytest.mark.slow
def test_other_weights_make_the_choice_stale(measured, tmp_path):
    shutil.copytree(measured.path, tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert chosen_engine(run).stale(run) is None
    run.save_weights(canon.create("lenet5-modern", image=32, channels=1, classes=10, seed=5))
    assert chosen_engine(run).stale(run) == "the run has other weights"


class Pair(nn.Module):
    """A module with two outputs."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        y = self.conv(x)
        return y, y.mean((2, 3))


@pytest.mark.slow
def test_any_module_gets_an_engine_with_its_signature():
    net, x = Pair().eval(), torch.randn(1, 3, 16, 16)
    fast = canon.optimize(net, x, budget=3)
    with torch.no_grad():
        for found, expected in zip(fast(x), net(x), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        first, _ = fast(torch.cat([x, x, x]))
    assert first.shape[0] == 3


@pytest.mark.slow
def test_engines_that_are_not_installed_are_left_out_with_the_extra(monkeypatch, capsys):
    monkeypatch.setattr(choose, "missing", lambda name: None if name == "torch" else
                        f"{name} is not installed: pip install 'canon-nets[x]'")  # fmt: skip
    assert main(["bench", "lenet5", "--budget", "5"]) == 0
    output = capsys.readouterr().out
    assert "left out: ONNX Runtime: onnx is not installed: pip install 'canon-nets[x]'" in output
    assert "chosen for latency: torch" in output


def test_a_budget_or_goal_that_makes_no_sense_is_refused(capsys):
    assert "--budget is 0 seconds; expected 1 or more" in refused(
        capsys, "bench", "lenet5", "--budget", "0"
    )
    with pytest.raises(InputError, match="no goal is named 'speed'"):
        canon.optimize("lenet5", goal="speed")
    with pytest.raises(InputError, match="no example"):
        canon.optimize(nn.Identity())


@pytest.mark.slow
def test_low_precision_is_measured_and_refused_beyond_the_limit(measured, tmp_path, capsys):
    pytest.importorskip("openvino")
    shutil.copytree(measured.path, tmp_path / "run")
    argv = ["bench", str(tmp_path / "run"), "--budget", "30", "--low-precision"]
    assert main([*argv, "--max-loss", "0"]) == 0
    chosen = chosen_engine(open_run(tmp_path / "run"))
    lossy = {one.name: one for one in chosen.results if one.lost is not None}
    assert any("int8" in name for name in lossy), capsys.readouterr().out
    for one in lossy.values():
        assert one.interval[0] <= one.lost <= one.interval[1]
        assert abs(one.lost) < 0.05
    best = chosen.results[0]
    assert best.lost is None or best.lost <= 0.0
    assert "points lost" in capsys.readouterr().out
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("<h2>Engines</h2>") == 1
    assert chosen.name in page


def test_low_precision_needs_a_run_with_images(capsys):
    line = refused(capsys, "bench", "lenet5", "--low-precision")
    assert "lenet5 is no run" in line
    with pytest.raises(InputError, match=r"31 images are too few.*expected 32"):
        require_samples(31)
