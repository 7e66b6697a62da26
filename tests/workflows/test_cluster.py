"""Clustering from images to a run folder: outputs, resuming, prediction, bad input."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import canon
from canon.errors import CanonError, DataError, InputError, RunError
from canon.runs.cluster_config import ClusterConfig
from canon.runs.open import open_run
from canon.tasks.clustering import starts
from canon.tasks.clustering.job import PhaseEpoch
from canon.utils.progress import Step
from canon.workflows.cluster import cluster, cluster_events

SMALL = {"k": 2, "method": "dcec", "pretraining_epochs": 2, "epochs": 2, "device": "cpu"}


def bars(count=40, side=8):
    """Images of a bright upper or left half, with noise, and which of them they are."""
    random = np.random.default_rng(0)
    images = random.integers(0, 60, (count, side, side), np.uint8)
    labels = np.arange(count) % 2
    images[labels == 0, : side // 2] += 180
    images[labels == 1, :, : side // 2] += 180
    return images, labels


@pytest.fixture(scope="module", autouse=True)
def without_umap():
    patch = pytest.MonkeyPatch()
    patch.setattr(starts, "has_umap", lambda: False)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("photos")
    for i, image in enumerate(bars()[0]):
        Image.fromarray(image).save(place / f"{i:02d}.png")
    return place


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    return cluster(folder, out=tmp_path_factory.mktemp("runs") / "run", **SMALL)


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def rows_of(run):
    return list(csv.DictReader((run.path / "assignments.csv").read_text().splitlines()))


def test_two_kinds_of_images_are_two_clusters(run):
    rows = rows_of(run)
    found = np.array([int(row["cluster"]) for row in rows])
    assert len(set(zip(found, bars()[1], strict=True))) == 2
    assert list(rows[0]) == ["file", "cluster", "confidence", "distance"]
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_every_image_is_linked_from_the_folder_of_its_cluster(run, folder):
    rows = rows_of(run)
    for row in rows:
        link = run.path / "clusters" / row["cluster"] / row["file"].rpartition("/")[2]
        assert link.is_symlink()
        assert link.resolve() == (folder / link.name).resolve()
    assert sum(1 for _ in (run.path / "clusters").glob("*/*.png")) == 40


def test_the_run_folder_has_sheets_embeddings_and_a_report(run):
    assert [path.name for path in sorted((run.path / "sheets").iterdir())] == ["0.png", "1.png"]
    assert size_of(run.path / "sheets" / "0.png") == (12 * 66, 2 * 66)
    assert size_of(run.path / "embeddings.png")[0] > 1000
    page = (run.path / "report.html").read_text()
    for text in ("Contact sheets", "k-means on pixels", "auto-encoder + k-means", "Embeddings"):
        assert text in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)  # it needs no other file


def test_without_labels_nothing_is_scored(run):
    result = json.loads((run.path / "run.json").read_text())["result"]
    names = [figure["name"] for figure in result["figures"]]
    assert "accuracy" not in names
    assert {"silhouette", "stability"} <= set(result["comparison"][0])
    assert "look at the contact sheets" in result["verdict"]


def test_new_images_are_assigned_as_the_old_ones_were(run, folder):
    rows = {row["file"]: row for row in rows_of(run)}
    for one in canon.predict(run.path, folder):
        assert str(one.cluster) == rows[str(one.path)]["cluster"]
        assert one.confidence == pytest.approx(float(rows[str(one.path)]["confidence"]), abs=1e-4)


def test_images_of_another_size_are_resized_for_prediction(run, tmp_path):
    large = bars(2, side=32)[0]
    for i, image in enumerate(large):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    first, second = (one.cluster for one in canon.predict(run.path, tmp_path))
    assert first != second


def test_a_clustering_is_evaluated_on_labelled_data(run, tmp_path):
    images, labels = bars(30)
    _, metrics = canon.evaluate(run, (images, labels))
    assert metrics.scores.accuracy == 1.0
    assert metrics.k == 2


def test_labels_of_the_data_are_used_for_scores_only(tmp_path):
    images, labels = bars()
    scored = cluster((images, labels), out=tmp_path / "a", **SMALL)
    blind = cluster(images, out=tmp_path / "b", **SMALL)
    result = scored.record.result
    assert result["accuracy"] == 1.0
    assert "accuracy" in result["comparison"][0]
    ours, theirs = (run.network().state_dict() for run in (scored, blind))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_images_in_memory_are_written_only_as_copies(tmp_path):
    images, _ = bars()
    plain = cluster(images, out=tmp_path / "a", **SMALL)
    assert not (plain.path / "clusters").exists()
    copied = cluster(images, out=tmp_path / "b", copy=True, **SMALL)
    files = sorted((copied.path / "clusters").glob("*/*.png"))
    assert len(files) == 40
    with Image.open(files[0]) as picture:
        assert np.array_equal(np.asarray(picture), images[int(files[0].stem)])


@pytest.mark.parametrize(
    ("method", "phase"),
    [("dcec-da", "pretraining"), ("dcec-da", "training"), ("aljalbout-kmeans", "training"),
     ("ae-kmeans", "pretraining")],
)  # fmt: skip
def test_an_interrupted_clustering_resumes_to_the_same_weights(method, phase, tmp_path):
    images, _ = bars(side=16)
    config = ClusterConfig(images, **SMALL | {"method": method}, out=tmp_path / "whole")
    whole = cluster(config)
    events = cluster_events(replace(config, out=tmp_path / "cut"))
    epochs = 0
    for event in events:
        if isinstance(event, PhaseEpoch):
            epochs += event.phase == phase
        if isinstance(event, Step) and epochs == 1 and event.done == 2:
            break
    events.close()
    resumed = cluster(replace(config, out=tmp_path / "cut", resume=True))
    ours, theirs = (load_file(run.path / "model.safetensors") for run in (whole, resumed))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert rows_of(whole) == rows_of(resumed)
    losses = [[line["phase"], line["epoch"], line["loss"]] for line in whole.phase_metrics()]
    assert losses == [[li["phase"], li["epoch"], li["loss"]] for li in resumed.phase_metrics()]


def test_a_resumed_clustering_keeps_its_settings(run):
    config = ClusterConfig(run.record.data.source, out=run.path, resume=True)
    with pytest.raises(InputError, match=r"-k is 3, but the clustering was started with 2"):
        cluster(replace(config, k=3))
    with pytest.raises(InputError, match=r"--method is dec, but .* started with dcec"):
        cluster(replace(config, method="dec"))


def test_changed_images_are_not_resumed(folder, tmp_path):
    images, _ = bars()
    run = cluster(images, out=tmp_path / "run", **SMALL)
    other = images.copy()
    other[0, 0, 0] += 1
    with pytest.raises(DataError, match="has changed"):
        cluster(ClusterConfig(other, **SMALL, out=run.path, resume=True))


def test_a_training_run_is_not_a_clustering(pictures_run):
    with pytest.raises(RunError, match="is no clustering"):
        cluster(ClusterConfig("digits", out=pictures_run.path, resume=True))


def test_the_record_of_a_clustering_opens_and_its_network_gives_log_probabilities(run):
    again = open_run(run.path)
    assert again.clusters == ("0", "1")
    with torch.no_grad():
        total = again.network().eval()(torch.rand(3, 1, 8, 8)).exp().sum(1)
    torch.testing.assert_close(total, torch.ones(3))


SAME = np.full((20, 8, 8), 7, np.uint8)


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (bars(6)[0], {"k": 7}, "the arrays|arrays has 6 images, fewer than the 7 clusters"),
        (bars()[0], {"k": 1}, "-k is 1; expected 2 clusters or more"),
        (SAME, {}, "has 20 images, but only 1 that differ"),
        (np.concatenate([SAME, SAME + 1]), {"k": 3}, "40 images, but only 2 that differ"),
        (bars()[0], {"method": "dcecc"}, "no method is named 'dcecc'. Did you mean 'dcec'"),
        (bars()[0], {"epochs": 0}, "--epochs is 0; expected 1 or more"),
        (bars()[0], {"image": 4}, "--image is 4, too small for dcec-ae; expected 8 pixels or more"),
        (bars()[0].astype(float), {}, "type float64; expected"),
        (bars()[0][:, :6], {}, "images of 8 x 6; expected squares of one size, of 128 pixels at"),
        (bars(6, side=130)[0], {}, "images of 130 x 130; expected .* Pass --image 64"),
        ((bars()[0], np.zeros(3, int)), {}, "40 train images but 3 labels"),
        ("no/such/folder", {}, "there is no dataset and no folder"),
        (bars()[0], {"color": 3}, "no setting named 'color'"),
    ],
)
def test_what_cannot_be_clustered_is_refused_in_one_line(data, settings, message, tmp_path):
    with pytest.raises(CanonError, match=message) as error:
        cluster(data, **SMALL | {"out": tmp_path / "run"} | settings)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "run.json").exists()


def test_photos_of_mixed_sizes_need_a_side(tmp_path):
    for i in range(8):
        pixels = np.random.default_rng(i).integers(0, 255, (20 + i, 30, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    with pytest.raises(
        DataError, match=r"images of .* expected squares of one size.* Pass --image"
    ):
        cluster(tmp_path, **SMALL, out=tmp_path.parent / "a")
    run = cluster(tmp_path, **SMALL, image=16, out=tmp_path.parent / "b")
    assert run.preprocessing.image == 16
    assert run.preprocessing.channels == 3


def test_a_method_that_needs_umap_says_so_before_it_starts(tmp_path):
    with pytest.raises(InputError, match="umap-learn is not installed"):
        cluster(bars()[0], **SMALL | {"method": "n2d"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_files_of_the_same_name_have_their_own_links(tmp_path):
    images, _ = bars()
    for i, image in enumerate(images):
        place = tmp_path / "data" / str(i % 3)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i // 3}.png")
    (tmp_path / "data" / "loose.png").write_bytes((tmp_path / "data" / "0" / "0.png").read_bytes())
    run = cluster(tmp_path / "data", **SMALL, out=tmp_path / "run")
    links = list((run.path / "clusters").glob("*/*.png"))
    assert len(links) == 41
    assert len({link.resolve() for link in links}) == 41


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": "no/run"}, "--weights is no/run; expected a run folder or a name"),
        ({"method": "features"}, "--weights is missing; expected a trained network"),
        ({"stage": "conv1"}, "--stage is of the network that --weights names"),
        ({"weights": "runs", "method": "dec"}, "--method is dec, which trains its own network"),
    ],
)
def test_weights_and_their_options_belong_together(settings, message, tmp_path):
    with pytest.raises(InputError, match=message):
        cluster(bars()[0], k=2, out=tmp_path / "run", **settings)


def test_a_stage_that_the_network_does_not_have_is_named(digits_run, tmp_path):
    with pytest.raises(InputError, match="no stage is named 'conv9'"):
        cluster(bars()[0], k=2, weights=digits_run.path, stage="conv9", out=tmp_path / "run")


def test_names_that_only_look_different_do_not_replace_an_image(tmp_path):
    images, _ = bars(6)
    places = ["x/1.png", "x-1.png", "y/1.png", "a/B.png", "c/b.png", "x-1-2.png"]
    for place, image in zip(places, images, strict=True):
        (tmp_path / "data" / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "data" / place)
    before = {place: (tmp_path / "data" / place).read_bytes() for place in places}
    for copy in (False, True):
        out = tmp_path / f"run{copy}"
        run = cluster(tmp_path / "data", **SMALL | {"k": 2}, copy=copy, out=out)
        files = list((run.path / "clusters").glob("*/*.png"))
        assert sorted(file.read_bytes() for file in files) == sorted(before.values())
        assert len({file.name.lower() for file in files}) == 6
    assert {place: (tmp_path / "data" / place).read_bytes() for place in places} == before


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


def test_training_does_not_resume_a_clustering(run):
    with pytest.raises(RunError, match="is a clustering; expected a run of canon train"):
        canon.train(canon.TrainConfig(None, out=run.path, resume=True))


def test_the_verdict_does_not_depend_on_the_numbers_of_clusters():
    from types import SimpleNamespace

    from canon.tasks.clustering.report import verdict

    start = SimpleNamespace(labels=np.array([0, 0, 1, 1, 2]))
    found = SimpleNamespace(labels=np.array([2, 2, 0, 0, 1]), start=start)
    assert "assigns 0.0% of the images" in verdict(found, "aljalbout", None)


def test_masks_in_split_folders_are_left_out(tmp_path):
    images, _ = bars()
    for i, image in enumerate(images):
        for kind in ("images", "masks"):
            place = tmp_path / "data" / ("train" if i % 2 else "val") / kind / f"{i}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image if kind == "images" else (image > 127).astype(np.uint8)).save(
                place
            )
    run = cluster(tmp_path / "data", **SMALL, out=tmp_path / "run")
    assert len(rows_of(run)) == 40


def test_a_run_folder_is_no_folder_of_images(run, tmp_path):
    with pytest.raises(DataError, match="is a run folder; expected a folder of images"):
        cluster(run.path, **SMALL, out=tmp_path / "run")


def test_the_first_labels_are_no_changed_labels(tmp_path):
    config = ClusterConfig(bars()[0], **SMALL | {"epochs": 3}, out=tmp_path / "run")
    changes = [e.changed for e in cluster_events(config) if isinstance(e, PhaseEpoch)]
    assert changes[:3] == [None, None, None]  # of two phases: pre-training has no labels
    assert changes[3:] == [0.0]


def test_umap_takes_as_few_as_three_samples():
    pytest.importorskip("umap")
    patch = pytest.MonkeyPatch()
    patch.setattr(starts, "has_umap", lambda: True)
    codes = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    found = starts.umap_embedding(codes, 2, 0)
    patch.undo()
    assert found.shape == (3, 2)
    assert np.isfinite(found).all()
