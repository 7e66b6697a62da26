"""The estimator: scikit-learn's conventions on images and on vectors."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.utils.estimator_checks import check_estimator

import canon
from canon.errors import DataError, InputError
from tests.helpers.clusters import bars

FAST = {"pretraining_epochs": 2, "epochs": 1, "random_state": 0}

# What does not apply, and why.
SKIPPED = {
    "check_array_api_input": "needs SCIPY_ARRAY_API; networks take tensors of torch",
}


pytestmark = pytest.mark.usefixtures("without_umap")


@pytest.fixture(scope="module")
def fitted(without_umap):
    images, _ = bars()
    return canon.DeepClustering(2, method="dcec", **FAST).fit(images)


def test_images_are_clustered(fitted):
    images, labels = bars()
    assert len(set(zip(fitted.labels_, labels, strict=True))) == 2
    np.testing.assert_array_equal(fitted.predict(images), fitted.labels_)
    assert fitted.cluster_centers_.shape == (2, 10)
    assert fitted.confidence_.shape == (40,)


def test_codes_are_nearest_to_the_centre_of_their_cluster(fitted):
    codes = fitted.transform(bars()[0])
    assert codes.shape == (40, 10)
    distances = np.linalg.norm(codes[:, None] - fitted.cluster_centers_, axis=2)
    np.testing.assert_array_equal(distances.argmin(1), fitted.labels_)


def test_a_folder_is_a_source_too(fitted, tmp_path):
    from PIL import Image

    for i, image in enumerate(bars(6)[0]):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    np.testing.assert_array_equal(fitted.predict(tmp_path), fitted.predict(bars(6)[0]))


@pytest.mark.slow
def test_vectors_are_clustered_and_the_seed_decides():
    blobs, labels = make_blobs(60, 6, centers=3, cluster_std=0.5, random_state=0)
    model = canon.DeepClustering(3, method="idec", pretraining_epochs=4, epochs=1, random_state=1)
    first = model.fit_predict(blobs)
    assert len(set(zip(first, labels, strict=True))) == 3
    np.testing.assert_array_equal(first, clone(model).fit_predict(blobs))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(blobs), first)


@pytest.mark.parametrize("kind", ["vectors", "images"])
def test_the_number_of_clusters_is_found(kind):
    model = canon.DeepClustering("auto", method="ae-kmeans", pretraining_epochs=1, random_state=0)
    samples = bars()[0] if kind == "images" else make_blobs(60, 6, centers=3, random_state=0)[0]
    model.fit(samples)
    assert model.n_clusters_ == (2 if kind == "images" else 3)
    assert len(model.cluster_centers_) == model.n_clusters_


def test_what_cannot_be_clustered_is_refused():
    vectors = np.random.default_rng(0).normal(size=(20, 4))
    with pytest.raises(InputError, match="method dcec-da is for images, but X holds vectors of 4"):
        canon.DeepClustering(2, method="dcec-da").fit(vectors)
    with pytest.raises(InputError, match="n_clusters is 3, but X has 1 different samples"):
        canon.DeepClustering(3, method="idec").fit(np.ones((20, 4)))
    with pytest.raises(ValueError, match="NaN"):
        canon.DeepClustering(2, method="idec").fit(np.where(vectors > 1, np.nan, vectors))
    with pytest.raises(InputError, match=r"n_clusters is 2\.5; expected 1 or more\. Pass a whole"):
        canon.DeepClustering(2.5, method="idec").fit(vectors)
    with pytest.raises(DataError, match="X has 1 different sample; expected 10 or more"):
        canon.DeepClustering("auto", method="idec").fit(np.ones((20, 4)))
    with pytest.raises(InputError, match="n_clusters is 0; expected 1 or more"):
        canon.DeepClustering(0, method="idec").fit(vectors)
    with pytest.raises(InputError, match="epochs is 0; expected 1 or more"):
        canon.DeepClustering(2, method="idec", epochs=0).fit(vectors)
    with pytest.raises(InputError, match="umap-learn is not installed"):
        canon.DeepClustering(2, method="n2d").fit(vectors)
    with pytest.raises(InputError, match="--weights is missing"):
        canon.DeepClustering(2, method="features").fit(bars()[0])


@pytest.mark.slow
def test_the_checks_of_scikit_learn_pass():
    model = canon.DeepClustering(3, method="idec", **FAST)
    results = check_estimator(model, on_fail=None, on_skip=None)
    others = {one["check_name"]: one["status"] for one in results if one["status"] != "passed"}
    assert others == dict.fromkeys(SKIPPED, "skipped")
    assert len(results) > 45
