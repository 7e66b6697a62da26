"""How large activations and gradients are at every stage of a network."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from canon.data.packs.images import build_image_pack
from canon.data.targets.labels import Labels
from canon.errors import InputError
from canon.interpret.signal import LayerSignal, signal
from canon.layers.init import generator
from canon.runs.folder import Run, TrainedModel
from canon.runs.open import open_run
from canon.types import Images
from canon.workflows.evaluate import choose_split
from canon.workflows.explain_inputs import explainable, is_run

BATCH = 32  # images


def signal_sizes(
    network: Run | str | Path, *, weights: str | None = None, seed: int = 0
) -> tuple[LayerSignal, ...]:
    """The size of activations and gradients at every layer, for one batch.

    Of a run: for images of its data. Of a registered network: for random images and classes.

    Args:
        network: a run, its folder, or a registered name.
        weights: for a name; None means the initial weights of the paper.
        seed: of the choice of images, or of random ones.

    Raises:
        InputError: no such network, or one that is no classifier.
    """
    model = explainable(network, weights)
    if model.task != "classify" or model.mask_codes is not None:
        raise InputError(
            f"gradients are those of the cross-entropy of a classifier, but {network} is for "
            f"{model.task}; expected a classifier. Pass another network."
        )
    x, labels = _of_run(network, model, seed) if is_run(network) else _random(model, seed)
    return signal(model.net, x, labels)


def _of_run(network: Run | str | Path, model: TrainedModel, seed: int) -> tuple[Images, Tensor]:
    run = network if isinstance(network, Run) else open_run(network)
    _, split = choose_split(run, None, "train", skip_bad=False, progress=None)
    picked = np.random.default_rng(seed).permutation(len(split))[:BATCH]
    some = split.select(picked)
    assert isinstance(some.targets, Labels)
    pack = build_image_pack(some.images, some.targets.values, model.preprocessing)
    return model.preprocessing.evaluation(pack.images), pack.targets


def _random(model: TrainedModel, seed: int) -> tuple[Images, Tensor]:
    source, prep = generator(seed), model.preprocessing
    x = torch.randn(BATCH, prep.channels, *prep.size, generator=source)
    return x, torch.randint(len(model.classes), (BATCH,), generator=source)
