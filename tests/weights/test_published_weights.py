"""The catalog of published weights: found, downloaded, verified."""

import hashlib
import re

import pytest
import torch

import canon
from canon.errors import CanonError, WeightsError
from canon.models import build, names
from canon.runs.record import WeightsRecord
from canon.weights import PUBLISHED, PublishedWeights, read
from tests.weights.foreign import foreign


@pytest.fixture
def net():
    return build("resnet20", seed=1)


def test_records_name_registered_networks_and_carry_their_hash():
    assert len(PUBLISHED) == 23
    for known in PUBLISHED.values():
        assert known.model in names()
        assert re.fullmatch("[0-9a-f]{8}", known.sha256)
        assert 0.5 < known.top1 < known.top5 < 1
        assert known.url.startswith("https://")
    assert PUBLISHED["torchvision/resnet50"].model == "resnet50-tv"
    assert PUBLISHED["torchvision/googlenet"].mean == (0.5, 0.5, 0.5)
    assert PUBLISHED["torchvision/inception-v3"].image == 299


def test_a_file_with_a_published_name_but_other_content_is_refused(net, tmp_path):
    torch.save(net.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    with pytest.raises(WeightsError, match=r"its SHA-256 begins with \w{8}, expected f37072fd"):
        read(tmp_path / "resnet18-f37072fd.pth")


@pytest.fixture
def published(monkeypatch, tmp_path):
    """A record of a file that lies in $CANON_DATA."""
    torch.save(foreign("torchvision", "resnet18"), tmp_path / "made.pth")
    digest = hashlib.sha256((tmp_path / "made.pth").read_bytes()).hexdigest()[:8]
    known = PublishedWeights("torchvision/made", "resnet18", f"made-{digest}.pth", 0.7, 0.9)
    folder = tmp_path / "data" / "weights"
    folder.mkdir(parents=True)
    (tmp_path / "made.pth").rename(folder / known.file)
    monkeypatch.setitem(PUBLISHED, known.name, known)
    monkeypatch.setenv("CANON_DATA", str(tmp_path / "data"))
    return known


def test_published_weights_are_found_in_canon_data_and_verified(published, tmp_path):
    assert read("torchvision/made").published is published
    net = canon.create("resnet18", weights="torchvision/made")
    assert net.head.fc.weight.shape == (1000, 512)
    with pytest.raises(WeightsError, match="trained for 'resnet18', not 'resnet18-a'"):
        canon.create("resnet18-a", weights="torchvision/made")
    (tmp_path / "data" / "weights" / published.file).write_bytes(b"other")
    with pytest.raises(WeightsError, match="is not the published file"):
        read("torchvision/made")


def test_published_weights_are_downloaded_once_to_the_cache(published, tmp_path, monkeypatch):
    server = tmp_path / "data" / "weights"
    monkeypatch.setattr("canon.weights.catalog.HOST", f"{server.as_uri()}/")
    monkeypatch.delenv("CANON_DATA")
    monkeypatch.setenv("CANON_CACHE", str(tmp_path / "cache"))
    first = read("torchvision/made").state
    cached = tmp_path / "cache" / "weights" / published.file
    assert cached.is_file()
    (server / published.file).unlink()
    assert read("torchvision/made").state.keys() == first.keys()
    cached.write_bytes(cached.read_bytes()[:-1])
    with pytest.raises(CanonError, match="cannot be downloaded"):
        read("torchvision/made")


def test_training_from_published_weights_normalises_as_they_expect(published, pictures, tmp_path):
    from canon.weights.catalog import MEAN, STD

    config = canon.TrainConfig("resnet18", str(pictures), out=tmp_path / "run", epochs=1, image=64,
                           weights="torchvision/made", device="cpu")  # fmt: skip
    run = canon.train(config)
    assert (run.preprocessing.mean, run.preprocessing.std) == (MEAN, STD)
    assert run.record.weights == WeightsRecord(
        "torchvision/made", ("head.fc.weight", "head.fc.bias"), adapted=None
    )
