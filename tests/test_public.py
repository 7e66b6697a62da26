"""The public interface: its names, each usable first in a fresh interpreter, and its types."""

import subprocess
import sys

import pytest

import canon

# A name that is added, renamed or removed is a change for users: it belongs in CHANGELOG.md.
NAMES = [
    "CanonError",
    "ClusterConfig",
    "DeepClustering",
    "TrainConfig",
    "check_data",
    "cluster",
    "cluster_events",
    "create",
    "describe",
    "embed",
    "ensemble",
    "evaluate",
    "explain",
    "export",
    "feature_maps",
    "fully_convolutional",
    "generate",
    "load_run",
    "model_info",
    "names",
    "open_data",
    "optimize",
    "predict",
    "published_ensemble",
    "train",
    "train_events",
    "what_if",
]

FIRST = {
    "create": "canon.create('resnet20')",
    "describe": "canon.describe('resnet20')",
    "what_if": "from canon.analysis import Separable; canon.what_if('resnet20', Separable())",
    "model_info": "canon.model_info('vgg16')",
    "names": "assert 'senet154' in canon.names()",
    "published_ensemble": "canon.published_ensemble('trimps-soushen')",
    "open_data": "canon.open_data('digits')",
    "check_data": "canon.check_data(canon.open_data('digits'))",
    "TrainConfig": "canon.TrainConfig('lenet5')",
}

SCRIPT = '''
from pathlib import Path

import torch

import canon
from canon.analysis import Separable


def main(images: Path) -> None:
    """Use every public name."""
    net: torch.nn.Module = canon.create("resnet20", seed=1)
    everywhere: torch.nn.Module = canon.fully_convolutional(canon.create("vgg16"))
    print(net, everywhere, canon.describe("vgg16").macs)
    print(canon.what_if("vgg16", Separable()).after.params)
    print(canon.model_info(canon.names()[0]).paper.year)
    print(canon.published_ensemble("trimps-soushen").members)
    sound: bool = canon.check_data(canon.open_data("digits")).sound
    config = canon.TrainConfig("lenet5", "digits", epochs=3, device="cpu")
    for event in canon.train_events(config):
        print(event, sound)
    try:
        run = canon.train(config)
    except canon.CanonError as error:
        raise SystemExit(str(error)) from None
    split, metrics = canon.evaluate(canon.load_run(run.path), protocol="10-crop")
    for figure in metrics.figures():
        print(split, figure.name, figure.value, figure.interval)
    loss: float = metrics.loss
    print(loss, metrics.monitored, metrics.per_class(run.classes).records())
    for prediction in canon.predict(run, [images], top=3):
        print(prediction.path, prediction.faults, prediction.record())
    print(canon.ensemble([run, run.path], weights=[1, 2]).path)
    clustering = canon.ClusterConfig(images, k=8, image=64)
    for step in canon.cluster_events(clustering):
        print(step)
    clusters = canon.cluster(images, k=8, method="dcec")
    print(clusters.clusters, canon.embed(clusters, images).codes.shape)
    print(canon.DeepClustering(8, random_state=0).fit(images).labels_)
    for explanation in canon.explain(run, images, method="layer-cam", target="7"):
        print(explanation.name, explanation.values.shape)
    image, maps = canon.feature_maps(run, images / "0.png")
    print(image.shape, maps["c1"].shape)
    print(canon.generate(run, "chair1", steps=12, turn=True).shape)
    made = canon.export(run, "openvino", out="net.openvino", images=50)
    print(made.path, made.parity.agreement, canon.evaluate(made.path))
    fast = canon.optimize(net, torch.zeros(1, 3, 32, 32), goal="throughput", budget=30)
    print(fast.choice.name, fast(torch.zeros(4, 3, 32, 32)).shape)
'''


def test_the_public_names_are_these():
    assert sorted(canon.__all__) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_resolves(name):
    assert getattr(canon, name) is not None
    assert name in dir(canon)


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = canon.nothing


QUICK = {"create", "open_data"}  # each case imports torch anew
CASES = [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in FIRST]


@pytest.mark.parametrize("name", CASES)
def test_a_public_name_works_in_a_fresh_interpreter(name):
    code = f"import canon; {FIRST[name]}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_script_of_a_user_is_clean_under_strict_mypy(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert all(f"canon.{name}" in SCRIPT for name in NAMES)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", script.name]
    cache = ["--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"]
    done = subprocess.run(
        [*command, *cache], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
