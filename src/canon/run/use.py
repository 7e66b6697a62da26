"""Using a trained run: evaluating it on data, and predicting files."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from canon.data import Dataset, Part
from canon.data.augment import Batches
from canon.data.check import Progress
from canon.data.masks import MaskValues
from canon.data.pack import build_pack, tensor_of
from canon.errors import DataError, InputError
from canon.fitting import Recipe, Step
from canon.fitting.dense import Whole
from canon.fitting.dense import evaluate as measure_pixels
from canon.fitting.devices import accelerator, placed
from canon.fitting.evaluate import evaluate as measure
from canon.fitting.evaluate import returned
from canon.fitting.protocols import examine, known_protocol, prepared
from canon.run import again
from canon.run.files import files_of
from canon.run.folder import ENSEMBLE, Run, open_run
from canon.run.kinds import kind_of
from canon.run.tiling import tiling_of
from canon.run.train import checked_data
from canon.tasks import Classify, Measured, Segment


def evaluate(
    run: Run | str | Path,
    data: str | None = None,
    split: str | None = None,
    *,
    protocol: str = "1-crop",
    device: str = "auto",
    batch: int = 256,
    skip_bad: bool = False,
    progress: Progress | None = None,
    watch: Callable[[Step], None] | None = None,
) -> tuple[str, Any]:
    """Evaluate a run; return the split and its scores: `Scores`, of pixels `DenseScores`.

    Args:
        run: the run, or its folder.
        data: what `open_data` takes; None means the data it was trained on.
        split: `train`, `val` or `test`; None takes test, else val, else all there is.
        protocol: `1-crop`, or a paper's: `10-crop`, `multi-crop` or `dense`.
        device: where to run.
        batch: images at a time; views of them where the protocol takes several.
        skip_bad: leave unreadable files out instead of refusing.
        progress: wraps the files of a folder while they are read.
        watch: told of each step.

    Raises:
        DataError: data that cannot be read or has classes that the run does not know.
        InputError: the data has no such split, or the network cannot be tested so.
    """
    _at_least_one(batch=batch)
    known_protocol(protocol)
    run = run if isinstance(run, Run) else open_run(run)
    if protocol != "1-crop" and run.values is not None:
        raise InputError(
            f"{run.model} gives each pixel of a whole image a class; expected no protocol of "
            "crops. Leave --protocol out."
        )
    if protocol == "dense" and run.model == ENSEMBLE:
        raise InputError(
            "an ensemble has no dense protocol: its members see images of their own sizes; "
            "expected another. Pass --protocol 10-crop, or evaluate its members."
        )
    split, part, values = chosen(run, data, split, skip_bad, progress)
    going = _looked_at(run, part, values, protocol, accelerator(device), batch, progress)
    return split, returned(going, watch)


def _looked_at(
    run: Run,
    part: Part,
    values: MaskValues | None,
    protocol: str,
    devices: Accelerator,
    batch: int,
    progress: Progress | None,
) -> Generator[Step, None, Measured]:
    """The evaluation of a split, a step at a time."""
    how, classes = run.preprocessing, len(run.classes)
    net = placed(run.network(), devices.device)
    if run.values is not None:
        pack = kind_of(run.model).pack(part, how, values, progress)
        whole = Whole(pack, how, tiling_of(run.model, run.facts["numbers"]))
        return measure_pixels(net, Segment(classes), whole, devices)
    if protocol == "1-crop":
        pack = build_pack(part, how, progress).to(devices.device)
        return measure(net, Classify.of(net, classes), Batches(pack, how), devices, batch)
    scales = run.facts.get("recipe", {}).get("scales", Recipe.scales)  # older runs have none
    tested, views = prepared(net, how, protocol, tuple(scales))
    return examine(tested, views, classes, part, how, devices, batch)


def chosen(
    run: Run, data: str | None, split: str | None, skip_bad: bool, progress: Progress | None
) -> tuple[str, Part, MaskValues | None]:
    """The split to evaluate on, its samples with the run's labels, and what its masks mean."""
    source = data or run.facts["data"]["source"]
    if source is None:
        raise InputError(
            f"the members of {run.path} kept no images of one set from all of them; expected data "
            "to measure it on. Name some that none was trained on."
        )
    opened, _ = checked_data(source, skip_bad, progress)
    own = opened.source == run.facts["data"]["source"]
    parts = again.same_parts(opened, run.classes, run.facts["split"]) if own else opened.parts
    name = split or next(name for name in ("test", "val", "train") if name in parts)
    if name not in parts or not len(parts[name]):
        some = ", ".join(name for name, part in parts.items() if len(part))
        raise InputError(f"{source} has no {name} split; expected one of {some}. Pass --split.")
    return name, _with_labels_of(run, opened, parts[name]), opened.masks


def _at_least_one(**numbers: int) -> None:
    for name, value in numbers.items():
        if value < 1:
            raise InputError(f"--{name} is {value}; expected 1 or more. Pass --{name} 1.")


def _with_labels_of(run: Run, data: Dataset, part: Part) -> Part:
    """The part with labels in the order of the run's classes."""
    if data.dense != (run.values is not None) or (data.dense and data.classes != run.classes):
        raise DataError(
            f"{data.source} has other classes or masks than {run.path} was trained on; expected "
            f"{', '.join(run.classes[:5])}, as in its run.json. Give data of the same kind."
        )
    unknown = [name for name in data.classes if name not in run.classes]
    if unknown:
        raise DataError(
            f"{data.source} has classes that {run.path} does not know: {', '.join(unknown[:5])}; "
            f"expected {', '.join(run.classes[:5])}{', ...' if len(run.classes) > 5 else ''}. "
            "Rename the folders, or evaluate a run trained on these classes."
        )
    places = np.array([run.classes.index(name) for name in data.classes], np.int64)
    return replace(part, labels=places[part.labels])


@dataclass(frozen=True)
class Prediction:
    """What a run says of one file.

    Args:
        path: the file.
        classes: names of the likeliest classes, the likeliest first.
        probabilities: of each, fractions in [0, 1].
        fault: why the file could not be read, if it was skipped.
    """

    path: Path
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    fault: str | None = None


def predict(
    run: Run | str | Path,
    paths: Iterable[str | Path],
    *,
    top: int = 5,
    device: str = "auto",
    batch: int = 64,
    skip_bad: bool = False,
) -> Iterator[Prediction]:
    """What a run says of files, and of all image files below folders, in their order.

    Args:
        run: the run, or its folder.
        paths: files and folders.
        top: how many classes to name.
        device: where to run.
        batch: images at a time.
        skip_bad: say of an unreadable file why, instead of stopping there.

    Raises:
        DataError: a path that does not exist, a folder without images, an unreadable file.
        InputError: `top` is below one.
    """
    _at_least_one(top=top, batch=batch)
    run = run if isinstance(run, Run) else open_run(run)
    if run.values is not None:
        raise InputError(
            f"{run.model} gives each pixel a class, not each image; expected `canon predict`, or "
            "canon.predict_maps. Use one of them."
        )
    files = [file for path in paths for file in files_of(Path(path))]
    where = accelerator(device).device
    net = placed(run.network(), where).eval()
    for start in range(0, len(files), batch):
        stored, faults = _read(run, files[start : start + batch], skip_bad)
        said = _said(run, net, stored, min(top, len(run.classes)), where) if stored else {}
        for file in files[start : start + batch]:
            yield said[file] if file in said else Prediction(file, fault=faults[file])


def _read(
    run: Run, files: list[Path], skip_bad: bool
) -> tuple[dict[Path, torch.Tensor], dict[Path, str]]:
    stored, faults = {}, {}
    for file in files:
        try:
            stored[file] = tensor_of(run.preprocessing.read(file))
        except DataError as reason:
            if not skip_bad:
                raise DataError(f"{reason} Or pass --skip-bad.") from None
            faults[file] = str(reason)
    return stored, faults


@torch.inference_mode()
def _said(
    run: Run, net: nn.Module, stored: dict[Path, torch.Tensor], top: int, where: torch.device
) -> dict[Path, Prediction]:
    x = run.preprocessing.evaluation(torch.stack(list(stored.values())).to(where))
    likely = net(x).float().softmax(1).topk(top)
    rows = zip(stored, likely.indices.tolist(), likely.values.tolist(), strict=True)
    return {
        file: Prediction(file, tuple(run.classes[i] for i in places), tuple(probabilities))
        for file, places, probabilities in rows
    }
