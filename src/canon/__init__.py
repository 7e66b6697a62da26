"""Canon: the canon of convolutional networks, each exactly as its paper prints it.

    import canon

    net = canon.create("resnet20")                       # a torch.nn.Module
    table = canon.describe("vgg16")                      # what each layer costs
    run = canon.train(canon.Training("lenet5", "digits", epochs=3))
    split, scores = canon.evaluate(run)

Names are resolved when they are first used: importing canon does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from canon.data import check, open_data
    from canon.errors import CanonError
    from canon.explain import describe, what_if
    from canon.layers.dense import fully_convolutional
    from canon.models import entry, names, team
    from canon.run.config import Training
    from canon.run.ensemble import ensemble
    from canon.run.folder import open_run as load
    from canon.run.maps import predict_maps
    from canon.run.train import train, training
    from canon.run.use import evaluate, predict
    from canon.weights import create

_PUBLIC = {
    "CanonError": "canon.errors",
    "Training": "canon.run.config",
    "check": "canon.data",
    "create": "canon.weights",
    "describe": "canon.explain",
    "ensemble": "canon.run.ensemble",
    "entry": "canon.models",
    "evaluate": "canon.run.use",
    "fully_convolutional": "canon.layers.dense",
    "load": "canon.run.folder:open_run",
    "names": "canon.models",
    "open_data": "canon.data",
    "predict": "canon.run.use",
    "predict_maps": "canon.run.maps",
    "team": "canon.models",
    "train": "canon.run.train",
    "training": "canon.run.train",
    "what_if": "canon.explain",
}

__all__ = [
    "CanonError",
    "Training",
    "check",
    "create",
    "describe",
    "ensemble",
    "entry",
    "evaluate",
    "fully_convolutional",
    "load",
    "names",
    "open_data",
    "predict",
    "predict_maps",
    "team",
    "train",
    "training",
    "what_if",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("canon-nets")  # slow to import
    if name not in _PUBLIC:
        raise AttributeError(f"module 'canon' has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
