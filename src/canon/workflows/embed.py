"""The codes of images: what a trained network turns them into."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from canon.data import BUILT_IN, Preprocessing
from canon.data.images.listing import find_images
from canon.data.preprocessing import tensor_of
from canon.data.sources.open import open_data
from canon.errors import DataError, InputError, require_positive
from canon.layers.clusters import LogProbabilities, NearestClusters, StageCode, StudentClusters
from canon.layers.stages import eval_mode
from canon.runs.ensemble import EnsembleRun
from canon.runs.folder import Run
from canon.runs.initial_weights import require_stage
from canon.runs.open import open_run
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Step, Watch

Read = tuple[str, NDArray[np.uint8] | NDArray[np.uint16]]


@dataclass(frozen=True)
class Embedding:
    """The codes of images.

    Args:
        names: a path, or a position such as `#17`, for each image.
        codes: (N, D) float32.
    """

    names: tuple[str, ...]
    codes: NDArray[np.float32]


def embed(
    run: Run | str | Path,
    paths: str | Path | Iterable[str | Path],
    *,
    stage: str | None = None,
    batch: int = 64,
    device: str = "auto",
    watch: Watch = lambda _: None,
) -> Embedding:
    """The codes of files, of all images in folders, or of the images of a dataset.

    A clustering or an auto-encoder gives its codes, another network the output of its last stage.
    Maps are averaged.

    Args:
        run: the run, or its folder.
        paths: files, folders of images, npz files, or names of datasets; one or several.
        stage: another stage of the network, by name.
        batch: images at a time.
        device: where to run.
        watch: called after each batch.

    Raises:
        DataError: a path that does not exist, or an unreadable image.
        InputError: the network has no such stage.
    """
    require_positive(batch=batch)
    run = run if isinstance(run, Run) else open_run(run)
    several = [paths] if isinstance(paths, (str, Path)) else list(paths)
    devices = make_accelerator(device)
    code = to_device(_code(run, stage), devices.device)
    read = list(_sources(several))
    names: list[str] = []
    chunks: list[NDArray[np.float32]] = []
    for start in range(0, len(read), batch):
        images = [one(run.preprocessing) for one in read[start : start + batch]]
        names += [name for name, _ in images]
        raw = torch.stack([tensor_of(pixels) for _, pixels in images]).to(devices.device)
        with eval_mode(code), devices.autocast():
            chunks.append(code(run.preprocessing.evaluation(raw)).float().cpu().numpy())
        watch(Step("predict", 0, min(start + batch, len(read)), len(read)))
    return Embedding(tuple(names), np.concatenate(chunks))


def _code(run: Run, stage: str | None) -> nn.Module:
    """The network that gives the codes.

    Raises:
        InputError: an ensemble, or a stage that the network does not have.
    """
    if isinstance(run, EnsembleRun):
        raise InputError(
            f"{run.path} is an ensemble, whose members have codes of their own; expected a single "
            "network. Pass a member."
        )
    net = run.network()
    if isinstance(net, NearestClusters) and isinstance(net.code, StageCode):
        if stage is None:
            return net.code
        net = net.code.net
    if isinstance(net, (StudentClusters, LogProbabilities)):
        net = net.net
    if stage is not None:
        require_stage(net, stage)
    return StageCode(net, stage)


class _Reader:
    """Reads one image as a stored square."""

    def __init__(self, file: Path | None = None, pixels: object = None, name: str = "") -> None:
        self.file, self.pixels, self.name = file, pixels, name or str(file)

    def __call__(self, prep: Preprocessing) -> Read:
        if self.file is not None:
            return self.name, prep.read(self.file)
        return self.name, prep.fit(np.asarray(self.pixels), self.name)


def _sources(paths: list[str | Path]) -> Iterator[_Reader]:
    for path in paths:
        if str(path) in BUILT_IN or Path(path).suffix == ".npz" or _is_dataset(Path(path)):
            images = open_data(path, labels=False).joined().images
            for name, i in zip(images.names, range(len(images)), strict=True):
                yield _Reader(pixels=images[i], name=name)
        else:
            for file in find_images(Path(path)):
                yield _Reader(file)


def _is_dataset(path: Path) -> bool:
    """Whether a folder holds images in other files than images: idx, CIFAR batches."""
    try:
        return path.is_dir() and not find_images(path)
    except DataError:
        return True
