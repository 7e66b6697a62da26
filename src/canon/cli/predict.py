"""`canon predict`: the classes of files and folders."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from canon.cli.out import show_table

if TYPE_CHECKING:
    from canon.run.use import Prediction


@dataclass(frozen=True)
class Command:
    """Predict the classes of image files, and of all image files below folders.

    Args:
        run: a run folder.
        paths: files and folders.
        top: how many classes to name for each.
        out: write to this .csv or .json file instead of printing.
        batch: images at a time.
        device: auto, cpu, cuda or mps.
        skip_bad: say why of an unreadable file and go on, instead of stopping.
        json: print JSON.
        csv: print CSV.
    """

    run: tyro.conf.Positional[Path]
    paths: tyro.conf.Positional[tuple[Path, ...]]
    top: int = 1
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    batch: int = 64
    device: str = "auto"
    skip_bad: bool = False
    json: bool = False
    csv: bool = False


def run(command: Command) -> int:
    """Print or write the predictions; 1 if files were skipped."""
    from canon.errors import InputError
    from canon.run.folder import open_run
    from canon.run.use import predict

    if not command.paths:
        raise InputError("no files to predict; expected paths. Pass files or folders too.")
    if command.out and command.out.suffix not in (".csv", ".json"):
        raise InputError(f"--out {command.out} has no known form; expected .csv or .json. Rename.")
    trained = open_run(command.run)
    top = min(command.top, len(trained.classes))
    said = list(predict(trained, command.paths, top=command.top, device=command.device,
                        batch=command.batch, skip_bad=command.skip_bad))  # fmt: skip
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
