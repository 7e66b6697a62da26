"""Every method on four digits of scikit-learn: better than k-means on pixels by a margin."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

import canon
from canon.tasks.clustering import starts
from canon.tasks.clustering.methods import METHODS, add_method
from canon.tasks.clustering.metrics import clustering_accuracy

DIGITS = (1, 2, 3, 9)  # which k-means on pixels tells apart badly
MARGIN = 0.15  # of accuracy


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    chosen = np.isin(data.target, DIGITS)
    images = (data.images[chosen] * (255 / 16)).round().astype(np.uint8)
    return images, np.searchsorted(DIGITS, data.target[chosen])


@pytest.fixture(scope="module")
def accuracy_of_kmeans(digits):
    images, labels = digits
    found = KMeans(4, n_init=10, random_state=0).fit(images.reshape(len(images), -1))
    accuracy = clustering_accuracy(found.labels_.astype(np.int64), labels)
    assert 0.6 < accuracy < 0.65
    return accuracy


@pytest.mark.parametrize(
    ("method", "image", "pretraining_epochs", "epochs"),
    [
        pytest.param("ae-kmeans", None, 5, None, marks=pytest.mark.slow),
        pytest.param("dec", None, 5, 2, marks=pytest.mark.slow),
        pytest.param("idec", None, 5, 2, marks=pytest.mark.slow),
        pytest.param("dcec", None, 8, 3, marks=pytest.mark.slow),
        pytest.param("dec-da", None, 10, 2, marks=pytest.mark.slow),
        pytest.param("idec-da", None, 10, 2, marks=pytest.mark.slow),
        pytest.param("dcec-da", 16, 6, 2, marks=pytest.mark.slow),
        ("n2d", None, 5, None),
        pytest.param("self-label", 14, 1, 3, marks=pytest.mark.slow),
        pytest.param("aljalbout", 16, 4, 2, marks=pytest.mark.slow),
        pytest.param("aljalbout-da", 16, 5, 2, marks=pytest.mark.slow),
        pytest.param("aljalbout-kmeans", 16, 4, 2, marks=pytest.mark.slow),
        pytest.param("adc-thin", 28, 1, 5, marks=pytest.mark.slow),
    ],
)
def test_a_method_is_better_than_k_means_on_pixels(
    method, image, pretraining_epochs, epochs, digits, accuracy_of_kmeans, monkeypatch
):
    if METHODS[method].needs_umap:
        pytest.importorskip("umap")
    else:
        monkeypatch.setattr(starts, "has_umap", lambda: False)  # whose baseline takes time
    monkeypatch.setattr("canon.tasks.clustering.methods.METHODS", dict(METHODS))
    if method == "aljalbout-kmeans":  # whose weight of 0.1 is for an epoch of 700 steps
        add_method(replace(METHODS[method], weight=0.01))
    images, labels = digits
    model = canon.DeepClustering(
        4, method=method, image=image, epochs=epochs, pretraining_epochs=pretraining_epochs,
        random_state=0, device="cpu",
    )  # fmt: skip
    accuracy = clustering_accuracy(model.fit_predict(images), labels)
    assert accuracy > accuracy_of_kmeans + MARGIN
