"""The images of a run's data that a network finds most alike."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from canon.app.subject import Subject
from canon.data.packs.images import build_image_pack
from canon.data.preprocessing import tensor_of
from canon.errors import InputError
from canon.interpret.outputs import recorded
from canon.interpret.pictures import Bytes, seen
from canon.layers.stages import eval_mode, features_of
from canon.types import Images
from canon.workflows.explain_network import batches, images_of

SAMPLES, SHOWN = 2000, 8


@dataclass(frozen=True)
class Gallery:
    """The images of a run with their codes.

    Args:
        pictures: (N, H, W, 3).
        codes: (N, D) of unit length: the output of the features, averaged over the map.
        answers: (N,) the class or cluster that the network gives each; -1 for none.
    """

    pictures: Bytes
    codes: Tensor
    answers: Tensor


@dataclass(frozen=True)
class Neighbour:
    """One image of the gallery.

    Args:
        picture: (H, W, 3).
        answer: its class or cluster, by the network.
        likeness: cosine of the angle between the codes.
    """

    picture: Bytes
    answer: str
    likeness: float


def gallery(subject: Subject) -> Gallery:
    """The codes of the images that a run was trained on, 2,000 at most.

    Raises:
        InputError: the network is from no run, or its data is gone.
    """
    if subject.run is None:
        raise InputError(
            f"{subject.name} has not been trained on any data; expected a run. Choose the run to "
            "see neighbours."
        )
    model, images = subject.model, images_of(subject.run)
    images = images.select(np.random.default_rng(0).permutation(len(images))[:SAMPLES])
    pack = build_image_pack(images, np.zeros(len(images), np.int64), model.preprocessing)
    classes = bool(model.classes) and model.task != "reconstruct"
    found = [_codes(model.net, x, classes) for x in batches(model, model.net, pack)]
    codes, answers = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Gallery(
        seen(model.preprocessing, model.preprocessing.center(pack.images)), codes, answers
    )


def neighbours(subject: Subject, images: Gallery, file: Path) -> list[Neighbour]:
    """The nearest images of a gallery to a file.

    Raises:
        DataError: it cannot be read.
    """
    prep = subject.model.preprocessing
    x = prep.evaluation(tensor_of(prep.read(file))[None])  # as the images of the gallery
    code, _ = _codes(subject.model.net, x)
    likeness = images.codes @ code[0]
    best = likeness.topk(min(SHOWN, len(likeness)))
    classes = subject.model.classes
    return [
        Neighbour(images.pictures[i], classes[images.answers[i]] if _labelled(images) else "", v)
        for i, v in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _labelled(images: Gallery) -> bool:
    return bool((images.answers >= 0).all())


def _codes(net: nn.Module, x: Images, classes: bool = True) -> tuple[Tensor, Tensor]:
    """Codes of unit length (N, D), and the likeliest class (N,); -1 where there is none."""
    with eval_mode(net), recorded(features_of(net)[-1]) as outputs:
        scores = net(x)
    y = outputs[-1].flatten(2).mean(2) if outputs[-1].dim() == 4 else outputs[-1]
    none = torch.full((len(x),), -1)
    answers = scores.argmax(1) if scores.dim() == 2 and classes else none
    return nn.functional.normalize(y.float(), dim=1), answers
