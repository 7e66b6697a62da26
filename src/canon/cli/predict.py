"""`canon predict`: the class of each image, or of each pixel."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from canon.cli.console import percent, progress_bars, show_table

if TYPE_CHECKING:
    from canon.runs.folder import Run
    from canon.tasks.classification.predict import Prediction
    from canon.tasks.segmentation.mask_files import MaskPrediction


@dataclass(frozen=True)
class Command:
    """Predict the classes of image files, and of all image files below folders.

    A run of a network that gives each pixel a class writes a mask for each image into a folder;
    TIFF, OME-TIFF and zarr of any size are read and written a row of tiles at a time. The same
    command again goes on where a stopped one was.

    Args:
        run: a run folder.
        paths: files and folders.
        top: how many classes to name for each.
        out: write to this .csv or .json file instead of printing; of masks, the folder, `predicted`
            if not given.
        batch: images, or tiles, at a time; 64 and 1 if not given.
        device: auto, cpu, cuda or mps.
        skip_bad: say why of an unreadable file and go on, instead of stopping.
        tile: of masks: side in pixels of what is kept of a tile.
        format: of masks: png, tif or zarr; the image's own kind, or png, if not given.
        overlay: write each image under the colours of its classes, too.
        probabilities: write those of all classes, too.
        resume: of masks: leave images alone whose masks are there.
        json: print JSON.
        csv: print CSV.
    """

    run: tyro.conf.Positional[Path]
    paths: tyro.conf.Positional[tuple[Path, ...]]
    top: int = 1
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE|DIR")] = None
    batch: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    device: str = "auto"
    skip_bad: bool = False
    tile: Annotated[int | None, tyro.conf.arg(metavar="SIDE")] = None
    format: Annotated[
        Literal["png", "tif", "zarr"] | None, tyro.conf.arg(metavar="{png,tif,zarr}")
    ] = None
    overlay: bool = False
    probabilities: bool = False
    resume: bool = False
    json: bool = False
    csv: bool = False


def run(command: Command) -> int:
    """Print or write the predictions; 1 if files were skipped."""
    from canon.errors import InputError
    from canon.runs.open import open_run

    if not command.paths:
        raise InputError("no files to predict; expected paths. Pass files or folders too.")
    trained = open_run(command.run)
    return _of_images(command, trained) if trained.values is None else _of_pixels(command, trained)


def _of_images(command: Command, trained: "Run") -> int:
    from canon.errors import InputError
    from canon.tasks.classification.predict import predict

    for name in ("tile", "format", "overlay", "probabilities", "resume"):
        if getattr(command, name):
            raise InputError(
                f"--{name} is for masks, and {trained.model} gives "
                "each image a class; expected a run such as unet-same's. Leave it out."
            )
    if command.out and command.out.suffix not in (".csv", ".json"):
        raise InputError(f"--out {command.out} has no known form; expected .csv or .json. Rename.")
    top = min(command.top, len(trained.classes))
    batch = 64 if command.batch is None else command.batch
    said = list(predict(trained, command.paths, top=command.top, device=command.device,
                        batch=batch, skip_bad=command.skip_bad))  # fmt: skip
    as_json = command.json or (command.out is not None and command.out.suffix == ".json")
    if command.out:
        command.out.write_text(_json(said) if as_json else _csv(said, top), encoding="utf-8")
    elif as_json:
        print(_json(said))
    elif command.csv:
        print(_csv(said, top), end="")
    else:
        show_table(_head(top), (_cells(p, top, human=True) for p in said), left=2)
    return 1 if any(p.fault for p in said) else 0


def _of_pixels(command: Command, trained: "Run") -> int:
    from canon.tasks.segmentation.predict import predict_masks

    c = command
    with progress_bars() as shown:
        made = []
        for one in predict_masks(
            trained, c.paths, c.out or Path("predicted"), form=c.format, tile=c.tile,
            overlay=c.overlay, probabilities=c.probabilities,
            batch=1 if c.batch is None else c.batch, resume=c.resume, skip_bad=c.skip_bad,
            device=c.device, watch=lambda step: shown.at("predicting", step.done, step.batches),
        ):  # fmt: skip
            made.append(one)
            for fault in one.faults:
                shown.say(f"left out: {fault}")
    human = not (c.json or c.csv)
    rows = [[str(m.path), m.mask and str(m.mask), *_shares(m, len(trained.classes), human)]
            for m in made]  # fmt: skip
    head = ["image", "mask", *(f"share of {name}" for name in trained.classes)]
    show_table(head, rows, as_json=command.json, as_csv=command.csv, left=2)
    return 1 if any(one.faults for one in made) else 0


def _shares(made: "MaskPrediction", classes: int, human: bool) -> list[Any]:
    """Of each class, in percent for a person, else a fraction; nothing if it was not counted."""
    total = sum(made.pixels)
    if not total:
        return [None] * classes
    return [percent(n / total) if human else n / total for n in made.pixels]


def _head(top: int) -> list[str]:
    if top == 1:
        return ["file", "class", "probability"]
    return ["file", *(f"{word}{i}" for i in range(1, top + 1) for word in ("class", "probability"))]


def _cells(said: "Prediction", top: int, human: bool = False) -> list[Any]:
    if said.fault:
        return [str(said.path), f"unreadable: {said.fault}", *[None] * (2 * top - 1)]
    pairs = zip(said.classes, said.probabilities, strict=True)
    cells = [c for name, p in pairs for c in (name, f"{100 * p:.2f} %" if human else round(p, 6))]
    return [str(said.path), *cells, *[None] * (2 * top - len(cells))]


def _json(said: "list[Prediction]") -> str:
    return json.dumps([
        {"file": str(p.path), "fault": p.fault} if p.fault else
        {"file": str(p.path), "classes": [{"class": c, "probability": round(v, 6)}
                                          for c, v in zip(p.classes, p.probabilities, strict=True)]}
        for p in said
    ], indent=1)  # fmt: skip


def _csv(said: "list[Prediction]", top: int) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_head(top), *(_cells(p, top) for p in said)])
    return text.getvalue()
