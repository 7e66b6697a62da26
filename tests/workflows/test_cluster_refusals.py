"""What cannot be clustered is refused in one line."""

import numpy as np
import pytest
from PIL import Image

from canon.errors import CanonError, DataError, InputError
from canon.workflows.cluster import cluster
from tests.helpers.clusters import SMALL, bars

pytestmark = pytest.mark.usefixtures("without_umap")


SAME = np.full((20, 8, 8), 7, np.uint8)


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (bars(6)[0], {"k": 7}, "arrays has 6 images, fewer than the 7 clusters"),
        (bars()[0], {"k": 1}, "-k is 1; expected 2 clusters or more"),
        (SAME, {}, "has 20 images, but only 1 that differ"),
        (np.concatenate([SAME, SAME + 1]), {"k": 3}, "40 images, but only 2 that differ"),
        (bars()[0], {"method": "dcecc"}, "no method is named 'dcecc'. Did you mean 'dcec'"),
        (bars(8)[0], {"k": "auto"}, "has 8 different images; expected 10 or more to find a number"),
        (bars()[0], {"k": "Auto"}, "-k is Auto; expected 2 clusters or more, or auto"),
        (bars()[0], {"k": 2.5}, "-k is 2.5; expected 2 clusters or more, or auto"),
        (bars()[0], {"seeds": 0}, "--seeds is 0; expected 1 or more"),
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


def test_a_run_folder_is_no_folder_of_images(bar_run, tmp_path):
    with pytest.raises(DataError, match="is a run folder; expected a folder of images"):
        cluster(bar_run.path, **SMALL, out=tmp_path / "run")
