"""A trained network whose features are clustered."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from canon.data import Preprocessing
from canon.errors import InputError, nearest
from canon.layers.clusters import code_of
from canon.models import model_info
from canon.runs.cluster_config import ClusterConfig
from canon.runs.clustering import ClusterRun
from canon.runs.ensemble import EnsembleRun
from canon.runs.open import open_run
from canon.weights import PUBLISHED, PublishedWeights, create


@dataclass(frozen=True)
class TrainedFeatures:
    """A trained network, and how it takes images.

    Args:
        code: its features.
        model: its registered name.
        model_args: what it is built with.
        prep: from an image file to its input.
    """

    code: nn.Module
    model: str
    model_args: dict[str, Any]
    prep: Preprocessing


def features_of(config: ClusterConfig, bits: int) -> TrainedFeatures:
    """The network that the weights of a configuration belong to.

    Args:
        config: with `weights`, and perhaps `stage`.
        bits: of the images, 8 or 16.

    Raises:
        InputError: weights that do not say their network, or no such stage.
    """
    weights = config.weights
    if weights is not None and Path(weights).is_dir():
        run = open_run(weights)
        if isinstance(run, (EnsembleRun, ClusterRun)):
            raise InputError(
                f"{weights} is {'an ensemble' if run.record.members else 'a clustering'}; expected "
                "the run of a single trained network. Pass another run."
            )
        return TrainedFeatures(
            code_of(run.network(), config.stage),
            run.model,
            run.record.model_args,
            run.preprocessing,
        )
    known = PUBLISHED.get(str(weights))
    if known is None:
        raise InputError(
            f"--weights is {weights}; expected a run folder or a name from `canon list weights`, "
            f"which say what network they belong to.{nearest(str(weights), PUBLISHED)} Pass one."
        )
    net = create(known.model, weights=known.name)
    args = {"classes": model_info(known.model).published.classes, "channels": 3}
    args |= {"image": known.image, "seed": 0}
    prep = published_preprocessing(known, bits)
    return TrainedFeatures(code_of(net, config.stage), known.model, args, prep)


def published_preprocessing(known: PublishedWeights, bits: int = 8) -> Preprocessing:
    """From an image file to the input that published weights were trained for.

    Args:
        known: the weights.
        bits: of the images, 8 or 16.
    """
    return Preprocessing(
        known.image, 3, bits, crop=known.image / known.resize, mean=known.mean, std=known.std
    )
