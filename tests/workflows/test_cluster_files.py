"""The folders of clusters: links and copies, names that clash, masks beside images."""

import numpy as np
import pytest
from PIL import Image

from canon.workflows.cluster import cluster
from tests.helpers.clusters import SMALL, bars, rows_of

pytestmark = pytest.mark.usefixtures("without_umap")


def test_every_image_is_linked_from_the_folder_of_its_cluster(bar_run, bar_folder):
    rows = rows_of(bar_run)
    for row in rows:
        link = bar_run.path / "clusters" / row["cluster"] / row["file"].rpartition("/")[2]
        assert link.is_symlink()
        assert link.resolve() == (bar_folder / link.name).resolve()
    assert sum(1 for _ in (bar_run.path / "clusters").glob("*/*.png")) == 40


@pytest.mark.slow
def test_images_in_memory_are_written_only_as_copies(tmp_path):
    images, _ = bars()
    plain = cluster(images, out=tmp_path / "a", **SMALL)
    assert not (plain.path / "clusters").exists()
    copied = cluster(images, out=tmp_path / "b", copy=True, **SMALL)
    files = sorted((copied.path / "clusters").glob("*/*.png"))
    assert len(files) == 40
    with Image.open(files[0]) as picture:
        assert np.array_equal(np.asarray(picture), images[int(files[0].stem)])


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


@pytest.mark.slow
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
