"""Canon: the canon of convolutional networks, each exactly as its paper prints it.

    import canon

    net = canon.create("resnet20")                       # a torch.nn.Module
    table = canon.describe("vgg16")                      # what each layer costs
    run = canon.train(canon.TrainConfig("lenet5", "digits", epochs=3))
    split, metrics = canon.evaluate(run)

Names are resolved when they are first used: importing canon does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from canon.analysis import describe as describe
    from canon.analysis import what_if as what_if
    from canon.data import check_data as check_data
    from canon.data import open_data as open_data
    from canon.errors import CanonError as CanonError
    from canon.layers.fully_convolutional import fully_convolutional as fully_convolutional
    from canon.models import model_info as model_info
    from canon.models import names as names
    from canon.models import published_ensemble as published_ensemble
    from canon.runs.cluster_config import ClusterConfig as ClusterConfig
    from canon.runs.config import TrainConfig as TrainConfig
    from canon.runs.open import open_run
    from canon.weights import create as create
    from canon.workflows.cluster import cluster as cluster
    from canon.workflows.cluster import cluster_events as cluster_events
    from canon.workflows.embed import embed as embed
    from canon.workflows.ensemble import ensemble as ensemble
    from canon.workflows.estimator import DeepClustering as DeepClustering
    from canon.workflows.evaluate import evaluate as evaluate
    from canon.workflows.explain import explain as explain
    from canon.workflows.explain import feature_maps as feature_maps
    from canon.workflows.export import export as export
    from canon.workflows.generate import generate as generate
    from canon.workflows.optimize import optimize as optimize
    from canon.workflows.predict import predict as predict
    from canon.workflows.train import train as train
    from canon.workflows.train import train_events as train_events

    load_run = open_run

_PUBLIC = {
    "CanonError": "canon.errors",
    "ClusterConfig": "canon.runs.cluster_config",
    "DeepClustering": "canon.workflows.estimator",
    "TrainConfig": "canon.runs.config",
    "check_data": "canon.data",
    "cluster": "canon.workflows.cluster",
    "cluster_events": "canon.workflows.cluster",
    "create": "canon.weights",
    "describe": "canon.analysis",
    "embed": "canon.workflows.embed",
    "ensemble": "canon.workflows.ensemble",
    "evaluate": "canon.workflows.evaluate",
    "explain": "canon.workflows.explain",
    "export": "canon.workflows.export",
    "feature_maps": "canon.workflows.explain",
    "fully_convolutional": "canon.layers.fully_convolutional",
    "generate": "canon.workflows.generate",
    "load_run": "canon.runs.open:open_run",
    "model_info": "canon.models",
    "names": "canon.models",
    "open_data": "canon.data",
    "optimize": "canon.workflows.optimize",
    "predict": "canon.workflows.predict",
    "published_ensemble": "canon.models",
    "train": "canon.workflows.train",
    "train_events": "canon.workflows.train",
    "what_if": "canon.analysis",
}

__all__ = [*_PUBLIC]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("canon-nets")  # slow to import
    if name not in _PUBLIC:
        raise AttributeError(f"module 'canon' has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted([*_PUBLIC, "__version__"])
