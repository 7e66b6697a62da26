"""Clustering from images to a run folder: clusters, sheets, report, prediction."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.errors import InputError
from canon.runs.cluster_config import ClusterConfig
from canon.runs.open import open_run
from canon.tasks.clustering import starts
from canon.tasks.clustering.job import PhaseEpoch
from canon.tasks.clustering.methods import METHODS, add_method
from canon.tasks.clustering.report import verdict
from canon.workflows.cluster import cluster, cluster_events
from tests.helpers.clusters import SMALL, bars, rows_of

pytestmark = pytest.mark.usefixtures("without_umap")


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def test_two_kinds_of_images_are_two_clusters(bar_run):
    rows = rows_of(bar_run)
    found = np.array([int(row["cluster"]) for row in rows])
    assert len(set(zip(found, bars()[1], strict=True))) == 2
    assert list(rows[0]) == ["file", "cluster", "confidence", "distance"]
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_the_run_folder_has_sheets_embeddings_and_a_report(bar_run):
    assert [path.name for path in sorted((bar_run.path / "sheets").iterdir())] == ["0.png", "1.png"]
    assert size_of(bar_run.path / "sheets" / "0.png") == (12 * 66, 2 * 66)
    assert size_of(bar_run.path / "embeddings.png")[0] > 1000
    page = (bar_run.path / "report.html").read_text()
    for text in ("Contact sheets", "k-means on pixels", "auto-encoder + k-means", "Embeddings"):
        assert text in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)  # it needs no other file


def test_without_labels_nothing_is_scored(bar_run):
    result = json.loads((bar_run.path / "run.json").read_text())["result"]
    names = [figure["name"] for figure in result["figures"]]
    assert "accuracy" not in names
    assert {"silhouette", "stability"} <= set(result["comparison"][0])
    assert "look at the contact sheets" in result["verdict"]


def test_new_images_are_assigned_as_the_old_ones_were(bar_run, bar_folder):
    rows = {row["file"]: row for row in rows_of(bar_run)}
    for one in canon.predict(bar_run.path, bar_folder):
        assert str(one.cluster) == rows[str(one.path)]["cluster"]
        assert one.confidence == pytest.approx(float(rows[str(one.path)]["confidence"]), abs=1e-4)


def test_images_of_another_size_are_resized_for_prediction(bar_run, tmp_path):
    large = bars(2, side=32)[0]
    for i, image in enumerate(large):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    first, second = (one.cluster for one in canon.predict(bar_run.path, tmp_path))
    assert first != second


def test_a_clustering_is_evaluated_on_labelled_data(bar_run, tmp_path):
    images, labels = bars(30)
    _, metrics = canon.evaluate(bar_run, (images, labels))
    assert metrics.scores.accuracy == 1.0
    assert metrics.k == 2
    for place, image in zip(("left", "up", "left", "up"), images, strict=False):
        (tmp_path / place).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / place / f"{len([*tmp_path.rglob('*')])}.png")
    _, metrics = canon.evaluate(bar_run, tmp_path)
    labels = {row[3] for row in metrics.per_class(bar_run.classes).rows}
    assert labels == {"left", "up"}  # the names of this data


def test_labels_of_the_data_are_used_for_scores_only(tmp_path):
    images, labels = bars()
    scored = cluster((images, labels), out=tmp_path / "a", **SMALL)
    blind = cluster(images, out=tmp_path / "b", **SMALL)
    result = scored.record.result
    assert result["accuracy"] == 1.0
    assert "accuracy" in result["comparison"][0]
    ours, theirs = (run.network().state_dict() for run in (scored, blind))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_record_of_a_clustering_opens_and_its_network_gives_log_probabilities(bar_run):
    again = open_run(bar_run.path)
    assert again.clusters == ("0", "1")
    with torch.no_grad():
        total = again.network().eval()(torch.rand(3, 1, 8, 8)).exp().sum(1)
    torch.testing.assert_close(total, torch.ones(3))


def test_the_features_of_a_trained_network_are_clustered(digits_run, tmp_path):
    digits = canon.open_data("digits").splits["train"]
    images, labels = digits.images.pixels[:300], digits.targets.values[:300]
    settings = {"weights": digits_run.path, "pretraining_epochs": 1, "device": "cpu"}
    run = cluster((images, labels), k=10, out=tmp_path / "run", **settings)
    rows = {row["method"]: row for row in run.record.result["comparison"]}
    assert rows["features"]["accuracy"] > rows["k-means on pixels"]["accuracy"]
    assert run.model == digits_run.model
    assert run.preprocessing == digits_run.preprocessing
    again = canon.embed(run, _saved(images[:5], tmp_path))
    assert again.codes.shape == (5, run.record.clustering.code)
    found = [one.cluster for one in canon.predict(run, tmp_path / "images")]
    assert found == [int(row["cluster"]) for row in rows_of(run)[:5]]


def _saved(images, place):
    folder = place / "images"
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(folder / f"{i}.png")
    return folder


def test_the_verdict_does_not_depend_on_the_numbers_of_clusters():
    start = SimpleNamespace(labels=np.array([0, 0, 1, 1, 2]))
    found = SimpleNamespace(labels=np.array([2, 2, 0, 0, 1]), start=start)
    assert "assigns 0.0% of the images" in verdict(found, "aljalbout", None, np.array([2, 2, 1]))


def test_the_first_labels_are_no_changed_labels(tmp_path):
    config = ClusterConfig(bars()[0], **SMALL | {"epochs": 3}, out=tmp_path / "run")
    changes = [e.changed for e in cluster_events(config) if isinstance(e, PhaseEpoch)]
    assert changes[:3] == [None, None, None]  # of two phases: pre-training has no labels
    assert changes[3:] == [0.0]


@pytest.mark.slow
def test_of_several_seeds_the_one_that_agrees_best_with_the_others_is_taken(tmp_path):
    images, labels = bars()
    short = SMALL | {"pretraining_epochs": 1, "epochs": 1}
    run = cluster((images, labels), **short, seeds=3, out=tmp_path / "run")
    result = run.record.result
    rows = result["seeds"]
    assert [row["seed"] for row in rows] == ["0", "1", "2"]
    (taken,) = (row for row in rows if row["taken"])
    assert taken["agreement with other seeds"] == max(
        row["agreement with other seeds"] for row in rows
    )
    assert result["seed"] == int(taken["seed"])
    assert result["accuracy"] == taken["accuracy"]
    (spread,) = (row for row in result["over_all_seeds"] if row["method"] == "dcec")
    accuracies = [row["accuracy"] for row in rows]
    assert spread["mean accuracy"] == pytest.approx(np.mean(accuracies))
    assert spread["deviation of accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    alone = cluster(images, **short, seed=result["seed"], out=tmp_path / "alone")
    assert rows_of(run)[0]["confidence"] == rows_of(alone)[0]["confidence"]


def test_the_number_of_clusters_is_read_from_a_curve(tmp_path):
    images, labels = bars()
    run = cluster(images, **SMALL | {"k": "auto"}, out=tmp_path / "run")
    record = run.record.clustering
    assert record.k == 2
    assert [k for k, _ in record.curve] == list(range(2, 21))
    page = (run.path / "report.html").read_text()
    assert "Number of clusters" in page
    assert "2 clusters: modularity" in page
    assert len(set(zip([row["cluster"] for row in rows_of(run)], labels, strict=True))) == 2


def test_a_method_of_ones_own_is_known_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("canon.tasks.clustering.methods.METHODS", dict(METHODS))
    add_method(replace(METHODS["dcec"], name="dcec-half", reconstruction=0.5))
    run = cluster(bars()[0], **SMALL | {"method": "dcec-half"}, out=tmp_path / "run")
    assert run.record.clustering.method == "dcec-half"
    with pytest.raises(InputError, match="method odd has training None with loss 'hardening'"):
        replace(METHODS["dcec"], name="odd", training=None)
    with pytest.raises(InputError, match="method odd has loss 'hardning'; expected one of 'harden"):
        replace(METHODS["dcec"], name="odd", loss="hardning")


def test_umap_takes_as_few_as_three_samples():
    pytest.importorskip("umap")
    patch = pytest.MonkeyPatch()
    patch.setattr(starts, "has_umap", lambda: True)
    codes = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    found = starts.umap_embedding(codes, 2, 0)
    patch.undo()
    assert found.shape == (3, 2)
    assert np.isfinite(found).all()
