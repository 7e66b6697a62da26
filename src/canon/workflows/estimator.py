"""Deep clustering as an estimator of scikit-learn."""

from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from canon.data import Dataset, Preprocessing
from canon.data.checks.report import check_data
from canon.data.packs.images import build_image_pack
from canon.data.sources.open import open_data
from canon.data.targets.base import Values
from canon.errors import InputError
from canon.layers.clusters import code_of
from canon.models import build
from canon.runs.cluster_config import ClusterConfig
from canon.tasks.clustering.batches import IndexedBatches, VectorBatches, outputs_of
from canon.tasks.clustering.job import Job
from canon.tasks.clustering.methods import Method
from canon.tasks.clustering.pipeline import cluster
from canon.tasks.clustering.selection.number import curve
from canon.utils.devices import make_accelerator
from canon.utils.progress import run_steps
from canon.workflows.cluster_job import pipeline_of, pixels_of
from canon.workflows.cluster_plan import (
    chosen_method,
    different_images,
    preprocessing,
    recipes_of,
    require_countable,
    require_enough,
)

Samples = IndexedBatches | VectorBatches
Floats = NDArray[np.float32]


class DeepClustering(TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Deep clustering of images, or of vectors.

    X is an array of images (N, H, W) or (N, H, W, C), uint8 or uint16; a path or a dataset, as for
    `canon.open_data`; or vectors (N, D), which are standardised.

    Args:
        n_clusters: K, 1 or more; `auto` reads it from a curve of modularity.
        method: a name from `canon list methods`; `auto` chooses. Vectors allow the methods with
            the dense auto-encoder and without augmentation: ae-kmeans, n2d, dec, idec.
        image: side of the network's input in pixels; None means the images'.
        epochs: with the clustering loss; None means the method's.
        pretraining_epochs: of the auto-encoder; None means the method's.
        random_state: seed, or a random number generator.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.

    Attributes:
        n_clusters_: K.
        labels_: (N,) cluster of each sample.
        cluster_centers_: (K, D) centres in the space that `transform` maps to.
        confidence_: (N,) probability of each sample's cluster.
        n_features_in_: length of the vectors; only of vectors.
    """

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = 8,
        *,
        method: str = "auto",
        image: int | None = None,
        epochs: int | None = None,
        pretraining_epochs: int | None = None,
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.n_clusters = n_clusters
        self.method = method
        self.image = image
        self.epochs = epochs
        self.pretraining_epochs = pretraining_epochs
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803
        """Cluster the samples; `y` is not used.

        Raises:
            CanonError: images that cannot be used, or fewer different ones than clusters.
            ValueError: vectors that cannot be used.
        """
        seed = int(check_random_state(self.random_state).randint(2**31))
        self._require_positive()
        if _holds_images(X):
            job = self._of_images(X, seed)
        else:
            X = validate_data(self, X, dtype=np.float32, ensure_min_samples=2)  # noqa: N806
            job = self._of_vectors(X, seed)
        found = run_steps(cluster(job))
        self._net, self._code = found.net, code_of(found.net)
        self.labels_ = found.labels
        self.confidence_ = found.confidence
        self.cluster_centers_ = found.centers
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """(N,) the cluster of each sample."""
        return self._outputs(X, "_net").argmax(1)

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        """(N, D) the codes, in which clusters are found."""
        return self._outputs(X, "_code")

    def _outputs(self, X: Any, name: str) -> NDArray[Any]:  # noqa: N803
        check_is_fitted(self)
        if not _holds_images(X):
            X = validate_data(self, X, dtype=np.float32, reset=False)  # noqa: N806
        return outputs_of(getattr(self, name), self._samples(X)).numpy()

    @property
    def _n_features_out(self) -> int:
        return int(self.cluster_centers_.shape[1])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _require_positive(self) -> None:
        for name in ("n_clusters", "image", "epochs", "pretraining_epochs"):
            value = getattr(self, name)
            if value is None or (name, value) == ("n_clusters", "auto"):
                continue
            if not isinstance(value, Integral) or value < 1:
                raise InputError(f"{name} is {value}; expected 1 or more. Pass a whole number.")

    def _samples(self, X: Any) -> Samples:  # noqa: N803
        """Samples as the network takes them: prepared images, or standardised vectors."""
        if isinstance(self._prepared, Preprocessing):
            split = open_data(X, labels=False).joined()
            assert isinstance(split.targets, Values)
            pack = build_image_pack(split.images, split.targets.values, self._prepared)
            return IndexedBatches(pack, self._prepared)
        mean, std = self._prepared
        return VectorBatches(torch.from_numpy((X - mean) / std))

    def _of_images(self, X: Any, seed: int) -> Job:  # noqa: N803
        method = chosen_method(ClusterConfig(method=self.method))
        data = open_data(X, labels=False)
        report = check_data(data)
        require_enough(self.n_clusters, data, report)
        config = ClusterConfig(image=self.image)
        prep = preprocessing(config, method, data, report)
        self._prepared: Preprocessing | tuple[Floats, Floats] = prep
        samples = self._samples(data)
        assert isinstance(samples, IndexedBatches)
        recipes = self._recipes(method, len(samples), prep.image)
        devices = make_accelerator(self.device)
        k = self._number(lambda: pixels_of(samples.pack, prep), seed, different_images(report))
        return pipeline_of(method, k, seed, prep, samples.pack, recipes, devices, states=None)

    def _of_vectors(
        self,
        X: NDArray[np.float32],  # noqa: N803
        seed: int,
    ) -> Job:
        method = chosen_method(
            ClusterConfig(method="idec" if self.method == "auto" else self.method)
        )
        if method.classifier or method.augmentation != "none" or method.network != "idec-ae":
            raise InputError(
                f"method {method.name} is for images, but X holds vectors of {X.shape[1]} values; "
                "expected ae-kmeans, n2d, dec or idec. Pass method='idec', or images (N, H, W)."
            )
        different = len(np.unique(X, axis=0))
        if self.n_clusters == "auto":
            require_countable("X", different, "sample")
        elif different < self.n_clusters:
            raise InputError(
                f"n_clusters is {self.n_clusters}, but X has {different} different samples; "
                f"expected at most as many clusters. Pass n_clusters={different} or less."
            )
        std = X.std(0)
        self._prepared = X.mean(0), np.where(std > 0, std, 1).astype(np.float32)
        batches = self._samples(X)
        assert isinstance(batches, VectorBatches)
        recipes = self._recipes(method, len(X), 1)
        pretraining = recipes["pretraining"]
        assert pretraining is not None
        vectors = batches.vectors.flatten(1).numpy
        k = self._number(vectors, seed, different)
        return Job(
            method, k, seed,
            build(method.network, channels=X.shape[1], image=1, seed=seed), None,
            pretraining, recipes["training"], None, batches, batches,
            vectors, make_accelerator("cpu"), None,
        )  # fmt: skip

    def _number(self, codes: Callable[[], Floats], seed: int, different: int) -> int:
        k = self.n_clusters
        self.n_clusters_ = run_steps(curve(codes(), seed, different)).chosen if k == "auto" else k
        return self.n_clusters_

    def _recipes(self, method: Method, samples: int, side: int) -> dict[str, Any]:
        return recipes_of(method, samples, side, self.epochs, self.pretraining_epochs)


def _holds_images(X: Any) -> bool:  # noqa: N803
    """Whether X is a data source or an array of images, and no table of vectors."""
    if isinstance(X, (str, Path, Dataset)):
        return True
    return isinstance(X, np.ndarray) and X.ndim in (3, 4) and X.dtype in (np.uint8, np.uint16)
