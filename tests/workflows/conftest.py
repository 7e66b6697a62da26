"""A small clustering, made without umap-learn."""

import pytest
from PIL import Image

from canon.tasks.clustering import starts
from canon.workflows.cluster import cluster
from tests.helpers.clusters import SMALL, bars


@pytest.fixture(scope="module")
def without_umap():
    patch = pytest.MonkeyPatch()
    patch.setattr(starts, "has_umap", lambda: False)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def bar_folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("photos")
    for i, image in enumerate(bars()[0]):
        Image.fromarray(image).save(place / f"{i:02d}.png")
    return place


@pytest.fixture(scope="module")
def bar_run(without_umap, bar_folder, tmp_path_factory):
    return cluster(bar_folder, out=tmp_path_factory.mktemp("runs") / "run", **SMALL)
