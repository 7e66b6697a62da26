"""What is exported: a run, or a registered network with initial or published weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from canon.data.preprocessing import Preprocessing
from canon.deploy.network import ATTRIBUTES, IMAGES, PIXELS, DeployedNetwork, LogitsNetwork
from canon.deploy.program import Program, export_program
from canon.errors import InputError
from canon.models import build, model_info, names
from canon.runs.exported import plain_record
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.weights import PUBLISHED, load, read

OWN = "that of the training images and of whoever trained it"


@dataclass(frozen=True)
class Subject:
    """A network to export.

    Args:
        run: its record; of a network without a run, one with numbers for classes.
        net: the network, on the CPU.
        folder: where the file goes by default.
        license: of the weights.
        trained: whether a run trained it.
        remarks: what a user should know.
    """

    run: Run
    net: nn.Module
    folder: Path
    license: str
    trained: bool = True
    remarks: tuple[str, ...] = ()

    def program(self, *, logits: bool) -> Program:
        """The network as a folded graph: with its preprocessing, or from normalised images."""
        task, prep = self.run.record.task, self.run.record.preprocessing
        sides = (1, 2) if task == "segment" else ()
        if logits or task == "generate":
            bare = LogitsNetwork(self.net, task).eval()
            name, x = self.example()
            varying = tuple(side + 1 for side in sides)
            return export_program(bare, x, bare.outputs, name=name, sizes=varying)
        whole = DeployedNetwork(self.net, prep, task).eval()
        side = prep.image if task == "segment" else prep.stored
        kind = torch.uint8 if prep.bits == 8 else torch.uint16
        pixels = torch.zeros(2, side, side, prep.channels, dtype=kind)
        return export_program(whole, pixels, whole.outputs, name=PIXELS, sizes=sides)

    def example(self) -> tuple[str, Tensor]:
        """The name of the network's input, without preprocessing, and two samples of it."""
        task, prep = self.run.record.task, self.run.record.preprocessing
        if task == "generate":
            return ATTRIBUTES, torch.zeros(2, self.run.sizes["channels"])
        return IMAGES, torch.zeros(2, prep.channels, *prep.size)

    def input(self, program: Program) -> str:
        """What the input is, in words."""
        record, shape = self.run.record, tuple(program.example.shape)
        prep, sizes = record.preprocessing, " x ".join(map(str, shape[1:]))
        color = "grey" if prep.channels == 1 else "RGB"
        if program.input == ATTRIBUTES:
            return f"(N, {shape[1]}) float32 attributes: class, view, transformation"
        if program.any_size:
            sizes = "height x width x " + str(prep.channels)
        if program.input == IMAGES:
            return f"(N, channels, height, width) float32 {color}, normalised by mean and std"
        how = "" if record.task == "segment" else (
            f"; the shorter side of the image is resized to {shape[1]} (bilinear, antialiased), "
            "then the centre is cropped"
        )  # fmt: skip
        return f"(N, {sizes}) uint{prep.bits} {color}{how}"

    def notes(self, program: Program) -> tuple[str, ...]:
        """What a user should know."""
        if self.run.record.task == "segment" and not program.any_size:
            side = " x ".join(map(str, program.example.shape[1:3]))
            return (*self.remarks, f"the file takes images of {side} only")
        return self.remarks


def export_subject(
    subject: Run | str | Path, weights: str | Path | None, sizes: dict[str, int | None]
) -> Subject:
    """A run, its folder, or a registered network.

    Raises:
        InputError: weights or sizes for a run, which has its own; or no network of that name.
        RunError: no run in the folder.
    """
    given = {name: value for name, value in sizes.items() if value is not None}
    if isinstance(subject, str) and subject in names() and not Path(subject).is_dir():
        return _registered(subject, weights, given)
    if weights is not None or given:
        flag = "--weights" if weights is not None else f"--{next(iter(given))}"
        raise InputError(
            f"{subject} is a run, which has its own {flag.lstrip('-')}; {flag} is for the name of "
            "a network. Remove the flag."
        )
    if isinstance(subject, str) and "/" not in subject and not Path(subject).exists():
        model_info(subject)  # says which name is nearest
    run = subject if isinstance(subject, Run) else open_run(subject)
    source = run.record.weights.source
    license = f"{OWN}; initial weights: {source}" if source else OWN
    return Subject(run, run.network(), run.path / "export", license)


def _registered(name: str, weights: str | Path | None, sizes: dict[str, Any]) -> Subject:
    info = model_info(name)
    published = PUBLISHED.get(str(weights))
    net = build(name, **sizes)
    if weights is not None:
        load(net, name, read(weights))
    channels = sizes.get("channels") or info.published.channels
    side = sizes.get("image") or (published.image if published else info.published.image)
    crop = published.image / published.resize if published else 1.0
    mean, std = (published.mean, published.std) if published else ((0.0,), (1.0,))
    prep = Preprocessing(side, channels, crop=crop, mean=_each(mean, channels),
                         std=_each(std, channels))  # fmt: skip
    if info.task == "generate":
        sizes = sizes | {"channels": channels}  # the length of its attributes
    outputs = sizes.get("classes") or info.published.classes
    record = plain_record(name, info.task, prep, outputs, sizes)
    remarks = [] if weights else [f"{name} has its initial weights: it has learned nothing yet"]
    if published is None and info.task != "generate":
        remarks.append("pixels are divided by 255 and not normalised further")
    license = "BSD-3-Clause (torchvision)" if published else OWN if weights else "none needed"
    return Subject(Run(Path(name), record), net, Path(), license, False, tuple(remarks))


def _each(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    return values if len(values) == channels else (sum(values) / len(values),) * channels
