"""What is explained: a trained network, and what it sees of a file."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from canon.data import Preprocessing
from canon.data.images.reader import read_image
from canon.data.preprocessing import tensor_of
from canon.data.types import Pixels
from canon.errors import InputError, nearest
from canon.interpret.pictures import seen
from canon.models import model_info, names
from canon.runs.ensemble import EnsembleRun
from canon.runs.folder import Run, TrainedModel
from canon.runs.open import open_run
from canon.types import Images
from canon.weights import PUBLISHED, create
from canon.workflows.cluster_features import published_preprocessing

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def is_run(network: Run | str | Path) -> bool:
    """Whether a network is given by a run or its folder, not by a name."""
    return isinstance(network, Run) or Path(network).is_dir()


def explainable(
    network: Run | TrainedModel | str | Path, weights: str | None = None
) -> TrainedModel:
    """The network of a run, or a registered network with weights.

    Args:
        network: a run, its folder, or a registered name; what this function gave, as it is.
        weights: for a name: what `canon.create` takes; None leaves the initial weights.

    Raises:
        InputError: neither, an ensemble, or a task without classes.
    """
    if isinstance(network, TrainedModel):
        return network
    if is_run(network):
        run = network if isinstance(network, Run) else open_run(network)
        if isinstance(run, EnsembleRun):
            raise InputError(
                f"{run.path} is an ensemble; expected a single network. Pass one of its members."
            )
        if weights is not None:
            raise InputError(
                f"--weights is for the name of a network, but {run.path} is a run, which has its "
                "own. Leave --weights out."
            )
        return _taking_images(run.trained_model())
    if (name := str(network)) not in names():
        raise InputError(
            f"{name} is no run folder and no network.{nearest(name, names())} Pass a run folder, "
            "or a name from `canon list models`."
        )
    known, published = PUBLISHED.get(str(weights)), model_info(name).published
    net = create(name, weights=weights)
    own = Preprocessing(published.image, published.channels)
    prep = published_preprocessing(known) if known else own
    classes = tuple(map(str, range(published.classes or 0)))
    return _taking_images(TrainedModel(net, model_info(name).task, prep, classes))


def _taking_images(model: TrainedModel) -> TrainedModel:
    if model.task == "generate":
        raise InputError(
            "a generator draws pictures and takes none; expected a network that takes images. Pass "
            "another network, or draw: canon generate RUN --name CLASS."
        )
    return model


def inputs(model: TrainedModel, file: Path) -> tuple[Bytes, Images]:
    """What the network sees of a file: its pixels (H, W, 3) in 8 bits, and its input (1, C, H, W).

    For segmentation the centre at the size of training; else as in prediction.

    Raises:
        DataError: it cannot be read.
    """
    prep = model.preprocessing
    if model.mask_codes is None:
        raw = prep.center(tensor_of(prep.read(file))[None])
    else:
        raw = tensor_of(_center(prep.convert(read_image(file), str(file)), prep.size))[None]
    return seen(prep, raw)[0], prep.normalize(raw).contiguous()


def _center(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The centre of an image (H, W, C); smaller ones are reflected."""
    short = [max(0, side - n) for side, n in zip(size, pixels.shape[:2], strict=True)]
    if any(short):
        margins = [(n // 2, n - n // 2) for n in short]
        pixels = np.pad(pixels, (*margins, (0, 0)), "symmetric")
    top, left = ((n - side) // 2 for n, side in zip(pixels.shape[:2], size, strict=True))
    return np.ascontiguousarray(pixels[top : top + size[0], left : left + size[1]])


def require_classes(model: TrainedModel) -> None:
    """Refuse a network whose outputs are pictures.

    Raises:
        InputError: it is an auto-encoder.
    """
    if model.task == "reconstruct":
        raise InputError(
            "an auto-encoder gives pictures, not classes; expected a classifier, a segmentation "
            "network or a clustering. Pass --method feature-maps, or another network."
        )


def class_number(model: TrainedModel, target: str | int) -> Tensor:
    """The number of a class, (1,).

    Raises:
        InputError: there is none of that name.
    """
    classes = model.classes
    if str(target) in classes:
        return torch.tensor([classes.index(str(target))])
    if str(target).isdigit() and int(target) < len(classes):
        return torch.tensor([int(target)])
    shown = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
    raise InputError(
        f"no class is named {target!r}.{nearest(str(target), classes)} Expected one of {shown}. "
        "Pass another --target."
    )
