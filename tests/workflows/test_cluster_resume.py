"""A clustering that is interrupted and resumed."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

import canon
from canon.errors import DataError, InputError, RunError
from canon.runs.cluster_config import ClusterConfig
from canon.tasks.clustering import starts, training_phase
from canon.tasks.clustering.job import Phase, PhaseEpoch
from canon.utils.progress import Step
from canon.workflows.cluster import cluster, cluster_events
from tests.helpers.clusters import SMALL, bars, rows_of

pytestmark = pytest.mark.usefixtures("without_umap")


@pytest.mark.parametrize(
    ("method", "phase"),
    [
        pytest.param("dcec-da", "pretraining", marks=pytest.mark.slow),
        pytest.param("dcec-da", "training", marks=pytest.mark.slow),
        pytest.param("aljalbout-kmeans", "training", marks=pytest.mark.slow),
        pytest.param("ae-kmeans", "pretraining", marks=pytest.mark.slow),
        pytest.param("adc-thin", "warming", marks=pytest.mark.slow),
        pytest.param("adc-thin", "training", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_clustering_resumes_to_the_same_weights(method, phase, tmp_path):
    resumes_to_the_same_weights(method, phase, tmp_path)


def resumes_to_the_same_weights(method, phase, tmp_path):
    images, _ = bars(side=28 if method.startswith("adc") else 16)
    config = ClusterConfig(images, **SMALL | {"method": method}, out=tmp_path / "whole")
    whole = cluster(config)
    events = cluster_events(replace(config, out=tmp_path / "cut"))
    epochs = 0
    for event in events:
        if isinstance(event, PhaseEpoch):
            epochs += event.phase == phase
        if isinstance(event, Step) and epochs == 1 and event.done == 2:
            break
    assert epochs == 1  # it was interrupted there
    events.close()
    resumed = cluster(replace(config, out=tmp_path / "cut", resume=True))
    ours, theirs = (load_file(run.path / "model.safetensors") for run in (whole, resumed))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert rows_of(whole) == rows_of(resumed)
    losses = [[line["phase"], line["epoch"], line["loss"]] for line in whole.metrics()]
    assert losses == [[li["phase"], li["epoch"], li["loss"]] for li in resumed.metrics()]


@pytest.mark.parametrize(
    ("method", "phase"),
    [
        pytest.param("self-label", "training", marks=pytest.mark.slow),
        pytest.param("self-label", "retraining", marks=pytest.mark.slow),
        pytest.param("n2d", "pretraining", marks=pytest.mark.slow),
    ],
)
def test_a_clustering_with_umap_resumes_to_the_same_weights(method, phase, tmp_path, monkeypatch):
    pytest.importorskip("umap")
    monkeypatch.setattr(starts, "has_umap", lambda: True)
    found = training_phase._found_again  # taken as better, so that there is a second training
    better = lambda *job: replace(found(*job), values=(1.0, 0.0))  # noqa: E731
    monkeypatch.setattr(training_phase, "_found_again", better)
    resumes_to_the_same_weights(method, phase, tmp_path)


@pytest.mark.slow
def test_several_seeds_are_resumed_where_they_were_interrupted(tmp_path):
    images, _ = bars()
    short = SMALL | {"k": "auto", "pretraining_epochs": 1, "epochs": 1}
    config = ClusterConfig(images, **short, seeds=3, out=tmp_path / "whole")
    whole = cluster(config)
    events = cluster_events(replace(config, out=tmp_path / "cut"))
    for event in events:
        if isinstance(event, Phase) and event.text == "seed 2":
            break
    events.close()
    resumed = cluster(ClusterConfig(images, seeds=3, out=tmp_path / "cut", resume=True))
    assert rows_of(whole) == rows_of(resumed)
    ours, theirs = ([line["loss"] for line in run.metrics()] for run in (whole, resumed))
    assert ours == theirs
    assert [line["seed"] for line in whole.metrics()] == [0, 0, 1, 1, 2, 2]
    assert whole.record.result == resumed.record.result
    assert whole.record.clustering == resumed.record.clustering


def test_a_resumed_clustering_keeps_its_settings(bar_run):
    config = ClusterConfig(bar_run.record.data.source, out=bar_run.path, resume=True)
    with pytest.raises(InputError, match=r"-k is 3, but the clustering was started with 2"):
        cluster(replace(config, k=3))
    with pytest.raises(InputError, match=r"--method is dec, but .* started with dcec"):
        cluster(replace(config, method="dec"))


def test_changed_images_are_not_resumed(bar_folder, tmp_path):
    images, _ = bars()
    run = cluster(images, out=tmp_path / "run", **SMALL)
    other = images.copy()
    other[0, 0, 0] += 1
    with pytest.raises(DataError, match="has changed"):
        cluster(ClusterConfig(other, **SMALL, out=run.path, resume=True))


def test_a_training_run_is_not_a_clustering(pictures_run):
    with pytest.raises(RunError, match="is no clustering"):
        cluster(ClusterConfig("digits", out=pictures_run.path, resume=True))


def test_the_method_of_a_resumed_clustering_is_that_of_its_record(tmp_path, monkeypatch):
    images, _ = bars()
    settings = SMALL | {"method": "auto"}
    run = cluster(images, **settings, out=tmp_path / "run")
    assert run.record.clustering.method == "dcec-da"
    monkeypatch.setattr(starts, "has_umap", lambda: True)  # installed in between
    events = cluster_events(ClusterConfig(images, **settings, out=run.path, resume=True))
    notes = [next(events) for _ in range(3)]
    events.close()
    assert "dcec-da on arrays" in notes[2].text


def test_training_does_not_resume_a_clustering(bar_run):
    with pytest.raises(RunError, match="is a clustering; expected a run of canon train"):
        canon.train(canon.TrainConfig(None, out=bar_run.path, resume=True))
